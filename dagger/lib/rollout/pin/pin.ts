import { daySchema, lineSchema, spelled } from "../../fleet/names.ts"
import { wrongInput } from "../../problem.ts"
import { isDay } from "../../risks/day.ts"
import type { Pin } from "../host/look.ts"

/** Source: the grammar of github.com/distribution/reference. */
export const tagSchema = spelled({
  pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
  right: 'a tag such as "20261122-abc1234": letters, digits, _ . and -, not at its beginning',
})

/** The day after the last one on which it holds has come. */
export const isPast = ({ until }: Pick<Pin, "until">, today: string): boolean => until !== undefined && until < today

export interface PinAsked {
  tag: string
  reason: string
  until?: string
}

/** What was asked for as a pin, or a Problem (exit code 2) for each part that is none. */
export function pinOf({ tag, reason, until }: PinAsked, { by, now }: { by: string; now: Date }): Pin {
  const named = tagSchema.safeParse(tag)
  if (!named.success) throw wrong("TAG", named.error.issues[0]!.message, "name a tag that `fairlead ship` published")
  if (/^current(-prev)?$/.test(tag))
    throw wrong("TAG", `${tag} moves with every release, and a pin holds still`, "name the release that it is now")
  const why = lineSchema.safeParse(reason.trim())
  if (!why.success) throw wrong("--reason", why.error.issues[0]!.message, "say in a line why, for whoever finds it")
  if (until !== undefined) requireDay(until, now.toISOString().slice(0, 10))
  return { tag, reason: why.data, by, at: now.toISOString(), ...(until !== undefined && { until }) }
}

function requireDay(until: string, today: string): void {
  const fix = `write the last day on which it holds, such as "${today}"`
  const day = daySchema.safeParse(until)
  if (!day.success) throw wrong("--until", day.error.issues[0]!.message, fix)
  if (!isDay(until)) throw wrong("--until", `the calendar has no ${until}`, fix)
  if (until < today) throw wrong("--until", `${until} is past`, fix)
}

const wrong = (where: string, what: string, fix: string) => wrongInput(what, { where, fix })
