import { z } from "zod"
import { patient } from "../release/patience.ts"
import type { Registry } from "../release/registry.ts"
import { sha256 } from "../sha256.ts"
import { recordType, sbomType } from "./statement.ts"

// image-tags fetches 64 MiB at most, which is a third more in base64.
const mostBytes = 96 * 1024 * 1024

/** As image-tags writes it: for each list what it leads to, null for what could not be asked; bytes in base64. */
const fetchedSchema = z.array(
  z.object({ list: z.string().nullable(), parts: z.record(z.string(), z.string()).nullable() }).nullable(),
)

/** What hangs on images, fetched with one step before anybody asks: no more than what saves a request. */
export class Ahead {
  private readonly lists = new Map<string, string | undefined>()
  private readonly parts = new Map<string, string>()

  /**
   * Fetches what lists lead to, the newest few statements of each. Whatever did not come is asked for where it is wanted,
   * and whoever asks hears why it does not.
   */
  async fetch(registry: Registry, lists: readonly { family: string; tag: string }[]): Promise<void> {
    if (lists.length === 0) return
    const about = lists.length === 1 ? lists[0]!.family : `${lists.length} images`
    const names = lists.map(({ family, tag }) => registry.name(family, tag))
    const file = "/out/fetched.json"
    const step = patient({
      ...registry.tags(`fetch the records of ${about}`, ["fetch", file, `${recordType},${sbomType}`, ...names]),
      outputs: { fetched: file },
    })
    const { exitCode, outputs } = await registry.engine.run(step)
    if (exitCode !== 0 || !outputs.fetched) return
    const { data } = fetchedSchema.safeParse(json(await registry.engine.read(outputs.fetched, mostBytes)))
    await registry.engine.discard(outputs.fetched)
    data?.forEach((each, index) => {
      const asked = lists[index]
      if (each && asked) this.keep(asked, each)
    })
  }

  /** Whether a list was asked for; what it is then, undefined where there is none. */
  list(family: string, tag: string): { text: string | undefined } | undefined {
    const name = `${family}:${tag}`
    return this.lists.has(name) ? { text: this.lists.get(name) } : undefined
  }

  /** The text with a digest, if it came. */
  part(family: string, digest: string): string | undefined {
    return this.parts.get(`${family}@${digest}`)
  }

  /** The list may be another from now on. */
  forget(family: string, tag: string): void {
    this.lists.delete(`${family}:${tag}`)
  }

  private keep({ family, tag }: { family: string; tag: string }, { list, parts }: Hanging): void {
    this.lists.set(`${family}:${tag}`, list === null ? undefined : decoded(list))
    for (const [digest, base64] of Object.entries(parts ?? {})) {
      const text = decoded(base64)
      // Nothing is what a file says that it is.
      if (sha256(text) === digest) this.parts.set(`${family}@${digest}`, text)
    }
  }
}

type Hanging = NonNullable<z.infer<typeof fetchedSchema>[number]>

const decoded = (base64: string): string => Buffer.from(base64, "base64").toString("utf8")

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
