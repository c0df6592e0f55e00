import { z } from "zod"
import { line } from "./text.ts"

const pin = z.object({
  tag: z.string(),
  reason: z.string(),
  by: z.string(),
  at: z.string(),
  until: z.string().optional().describe("The last day, in UTC; absent: until unpin."),
})

/** What `pin --json` and `unpin --json` print. */
export const pinSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  yard: z.string(),
  run: z.string().optional().describe("As the hosts' histories name it; absent where nothing was changed."),
  hosts: z.array(z.object({ host: z.string(), pin: pin.nullable(), before: pin.nullable() })),
  images: z
    .array(z.object({ image: z.string(), digest: z.string() }))
    .describe("What the tag is in the registry, for each image that the hosts run."),
})

/** The document; `z.infer` of its schema. */
export type PinDocument = z.infer<typeof pinSchema>

export const pinDocument = (told: Omit<PinDocument, "schema">): PinDocument => ({ schema: 1, ...told })

/** The same for people; the last line says that nothing was restarted. */
export function pinText({ yard, hosts, images, run }: PinDocument): string {
  const lines = hosts.map(({ host, pin, before }) => {
    const was = before ? `, was ${before.tag} (${before.by}: ${before.reason})` : ""
    if (pin) return line(host, `held at ${pin.tag}${pin.until ? ` until ${pin.until}` : ""}${was}`)
    return line(host, before ? `follows releases again${was}` : "was not pinned")
  })
  return [
    line("yard", yard),
    ...lines,
    ...(images.length > 0 ? [line("images", `${images.length}, all of them have the tag`)] : []),
    ...(run === undefined ? [] : [line("next", "nothing was restarted; `fairlead deploy` applies it")]),
  ].join("\n")
}
