import { shown } from "../dagger/lib/fleet/shown.ts"
import { wrongInput } from "../dagger/lib/problem.ts"
import { dayOf, isDay } from "../dagger/lib/risks/day.ts"

/** The time that this run judges by. */
export interface Clock {
  now: Date
  /** FAIRLEAD_NOW moved it: what is said holds for that day, not for today. */
  moved: boolean
}

/**
 * What time it is: the machine's, or FAIRLEAD_NOW where somebody asks what will be said on a later day. Never an earlier
 * one: what has passed would hold again.
 */
export function clock(real = new Date(), wanted = process.env.FAIRLEAD_NOW): Clock {
  if (!wanted) return { now: real, moved: false }
  const fix = `write a day such as "${dayOf(real)}" (that day, at this time) or a time such as "${real.toISOString()}"`
  const now = timeOf(wanted, real)
  if (now === undefined)
    throw wrongInput(`${shown(wanted)} is neither a day nor a time`, { where: "FAIRLEAD_NOW", fix })
  if (now < real) {
    throw wrongInput(`${shown(wanted)} is before now, ${real.toISOString()}`, {
      where: "FAIRLEAD_NOW",
      why: "on an earlier day, acceptances and advisories that have passed would hold again",
      fix: "name a later day, or unset it",
    })
  }
  return { now, moved: now > real }
}

function timeOf(text: string, real: Date): Date | undefined {
  const full = isDay(text) && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text + real.toISOString().slice(10) : text
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(full)) return undefined
  const at = new Date(full)
  return Number.isNaN(at.getTime()) || !isDay(full.slice(0, 10)) ? undefined : at
}

/** One line for people, where the clock was moved. */
export const movedNote = ({ now, moved }: Clock): string | undefined =>
  moved ? `FAIRLEAD_NOW: told as on ${dayOf(now)}, not as of today` : undefined
