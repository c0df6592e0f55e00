import { z } from "zod"
import { harmless } from "../../engine/engine.ts"

/** What a host takes as one line of its history. */
const mostBytes = 64 * 1024

/**
 * One line of at most so many characters. Whoever may write a host's history may write anything there, also what steers a
 * terminal, behind JSON's escapes; and a failure's last words must not keep it from being recorded.
 */
const text = (most: number) =>
  z.string().overwrite((given) => {
    const line = harmless(given).replace(/\s+/gu, " ").trim()
    return line.length > most ? `${line.slice(0, most - 1)}…` : line
  })

/** How a run ended. */
const verdictSchema = z
  .enum(["PASS", "FAIL", "ERROR"])
  .describe("PASS: all is well; FAIL: it failed and was taken back; ERROR: it ended otherwise, and its notes say how.")

export const entrySchema = z.object({
  schema: z.literal(1),
  run: z.string().regex(/^[0-9a-f]{6}$/),
  verb: z.enum(["deploy", "rollback", "pin", "unpin", "prune"]),
  phase: z.enum(["began", "ended"]).describe("A run that began and has no end was cut off."),
  by: text(200).describe('"anna@laptop".'),
  at: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/)
    .describe("UTC, by the clock of whoever deployed."),
  tag: text(200).describe('The release; "" where there is none.'),
  reason: text(500).optional(),
  verdict: verdictSchema.optional().describe("Absent while it is not known: in what began."),
  changed: z
    .array(z.object({ service: text(100), from: text(400).optional(), to: text(400) }))
    .default([])
    .describe("Services of this host, with image references by digest; `from` is absent for a first deploy."),
  rolledBack: z.boolean().default(false).describe("What had been changed on this host was taken back."),
  notes: z.array(text(1000)).default([]),
})

/** One line of a host's history, as it is read back. */
export type HistoryEntry = z.output<typeof entrySchema>

/** How a run ended on a host. */
export type HistoryVerdict = z.infer<typeof verdictSchema>

/** One to write. `changed`, `rolledBack` and `notes` may be left out. */
export type NewEntry = z.input<typeof entrySchema>

/**
 * The entry as `HostRunner.record` takes it: whole, and short enough for one line. Throws where it is none; of a list of
 * services too long for a line the beginning is kept, and a note tells how many are missing.
 */
export function entryOf(entry: NewEntry): HistoryEntry {
  const whole = entrySchema.parse(entry)
  for (let keep = whole.changed.length; ; keep = Math.floor(keep / 2)) {
    const missing = whole.changed.length - keep
    const notes = missing > 0 ? [...whole.notes.slice(0, 20), `and ${missing} more services`] : whole.notes
    const shorter = { ...whole, changed: whole.changed.slice(0, keep), notes }
    if (Buffer.byteLength(JSON.stringify(shorter)) <= mostBytes || keep === 0) return shorter
  }
}

/** The same as a line of JSON. */
export const entryLine = (entry: NewEntry): string => JSON.stringify(entryOf(entry))
