import { z } from "zod"
import { harmless } from "../../engine/engine.ts"
import { Problem } from "../../problem.ts"

/** What a host's runner answered: the values of each key, in order. */
export type Answer = ReadonlyMap<string, readonly string[]>

const mostLines = 20_000

/** Reads `key=value` lines up to `end=1`. Anything that is no such line is refused; what is cut off is as well. */
export function readAnswer(host: string, command: string, stdout: string): Answer {
  // A login shell may have said something before; the runner's own words are the lines that look like it.
  const lines = harmless(stdout)
    .split("\n")
    .map((line) => line.replace(/\r$/, ""))
  const end = lines.lastIndexOf("end=1")
  if (end < 0) throw unreadable(host, command, "it was cut off")
  if (lines.length > mostLines) throw unreadable(host, command, `it has more than ${mostLines} lines`)
  const found = new Map<string, string[]>()
  for (const line of lines.slice(0, end)) {
    const [, key, value] = /^([a-z-]{1,20})=(.*)$/.exec(line) ?? []
    if (key === undefined || value === undefined)
      throw unreadable(host, command, `a line is no answer: ${JSON.stringify(line.slice(0, 200))}`)
    const values = found.get(key)
    if (values) values.push(value)
    else found.set(key, [value])
  }
  return found
}

/** The answer in the shape that it must have. */
export function shaped<Schema extends z.ZodType>(
  host: string,
  command: string,
  answer: Answer,
  schema: Schema,
): z.infer<Schema> {
  const parsed = schema.safeParse(Object.fromEntries(answer))
  if (parsed.success) return parsed.data
  throw unreadable(host, command, z.prettifyError(parsed.error))
}

export const unreadable = (host: string, command: string, why: string): Problem =>
  new Problem(`what its runner answered to ${command} cannot be read`, {
    where: host,
    why: why.slice(0, 1000),
    fix: `look at ~/.fairlead on ${host}; no file in it is written by hand`,
  })

/** Fields between bars, as many as the pattern has. */
export const fields = (...patterns: RegExp[]) =>
  z
    .string()
    .max(4000)
    .transform((text, context) => {
      const found = text.split("|")
      const odd = patterns.findIndex((pattern, index) => !pattern.test(found[index] ?? ""))
      if (found.length === patterns.length && odd < 0) return found
      context.addIssue({ code: "custom", message: `field ${odd + 1} of ${JSON.stringify(text.slice(0, 200))} is odd` })
      return z.NEVER
    })

/** Text that came as in a URL (Go's urlquery): without bars, blanks and line ends. */
export function unescaped(text: string): string {
  try {
    return harmless(decodeURIComponent(text.replaceAll("+", " "))).slice(0, 400)
  } catch {
    return text
  }
}
