import type { LimitFunction } from "p-limit"
import { judgedAgain } from "../gates/look.ts"
import { gates } from "../gates/table.ts"
import type { Yard } from "../yard.ts"
import type { Found } from "./found.ts"
import { inspect } from "./inspect.ts"
import { type ImageRecord, sameAnswers } from "./record.ts"
import type { Registry } from "./registry.ts"
import { type ShipOptions, tell } from "./shipping.ts"
import { toolsOf } from "./tools.ts"

/**
 * Families that need not be built: their stored facts are judged by today's rules, and where other advisories are known
 * now, the image is fetched and looked at again.
 */
export async function reusable(
  yard: Yard,
  registry: Registry,
  options: ShipOptions,
  { found, side }: { found: Found; side: LimitFunction },
): Promise<Map<string, ImageRecord>> {
  const records = new Map<string, ImageRecord>()
  await Promise.all(
    [...found.records].map(([family, kept]) =>
      side(async () => {
        records.set(family, await lookedAtAgain(yard, registry, options, kept))
        tell(options, { family, step: "build", state: "done", brief: "unchanged" })
      }),
    ),
  )
  return records
}

/** The record by today's rules and today's advisories. */
export async function lookedAtAgain(
  yard: Yard,
  registry: Registry,
  options: Pick<ShipOptions, "rules" | "machine" | "onEvent">,
  kept: ImageRecord,
): Promise<ImageRecord> {
  const { family, digest, contents } = kept
  const { record, again } = judgedAgain(kept, options.rules(family), await yard.advisories())
  // Judged otherwise today: an acceptance came or passed, the policy changed. That is a record of its own.
  if (again.length === 0) {
    if (sameAnswers(kept, record)) return kept
    const judged = { ...record, at: new Date().toISOString() }
    await yard.records.put(judged)
    return judged
  }
  const archive = await registry.download(family, digest)
  const { gates: answers, seconds } = await inspect(yard, options, { family, digest, contents, archive }, again)
  const all = { ...record.gates, ...answers }
  const ordered = Object.fromEntries(gates.map(({ name }) => [name, all[name]!]))
  const tools = { ...record.tools, ...(await toolsOf(yard.engine)) }
  const renewed = { ...record, gates: ordered, gateSeconds: seconds, tools, at: new Date().toISOString() }
  await yard.records.put(renewed)
  return renewed
}
