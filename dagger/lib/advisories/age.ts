import { dayMs } from "../risks/day.ts"
import type { AdvisoryRules } from "./judge.ts"

/** Why a database answers nothing, however good its answer looks: its age. Undefined where policy takes it. */
export function wrongAge(
  updatedAt: string,
  { maxAgeDays, now }: AdvisoryRules,
  renew: string,
): { what: string; fix: string } | undefined {
  const days = (now.getTime() - Date.parse(updatedAt)) / dayMs
  const date = updatedAt.slice(0, 10)
  if (Number.isNaN(days))
    return { what: `database is from "${date}", and nobody can tell how old that is`, fix: "take another source" }
  // Clocks and time zones differ by less than a day.
  if (days < -1) {
    return {
      what: `database is from ${date}, which is yet to come`,
      fix: "set the clock of this machine, or take the record with that date out",
    }
  }
  if (days <= maxAgeDays) return undefined
  return {
    what: `database is from ${date}, ${Math.floor(days)} days old, policy allows ${maxAgeDays}`,
    fix: `${renew}, or set policy.advisories.maxAgeDays in fleet.yaml`,
  }
}
