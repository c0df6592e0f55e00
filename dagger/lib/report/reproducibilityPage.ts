import { markdownTable } from "./sizesPage.ts"
import type { FamilyState, FleetState } from "./state.ts"
import { duration } from "./text.ts"

/** What became of building each family's release again, the last time somebody did. For docs/reproducibility.md. */
export function reproducibilityPage({ families }: FleetState): string {
  const shown = families.filter(({ buildable, app }) => buildable && app === undefined)
  const again = shown.filter(({ reproduction }) => reproduction !== undefined)
  const same = again.filter(({ reproduction }) => reproduction!.same).length
  const rows = shown.map((each) => [each.family, ...outcome(each)])
  const head = ["family", "released", "rebuilt", "outcome", "its own steps", "on"]
  return `${same} of ${shown.length} families are known to reproduce.\n\n${markdownTable(head, rows)}`
}

function outcome({ reproduction, release }: FamilyState): string[] {
  if (!reproduction) return ["", "", release ? "not tried" : "not released from here", "", ""]
  const { released, rebuilt, same, difference, seconds, at } = reproduction
  const since = release && release.digest !== released ? "; built anew since then" : ""
  return [
    `\`${released.slice(0, 19)}\``,
    `\`${rebuilt.slice(0, 19)}\``,
    `${same ? "the same" : `differs: ${cell(difference ?? "somewhere")}`}${since}`,
    duration(seconds),
    at.slice(0, 10),
  ]
}

const cell = (text: string): string => text.replaceAll("|", "/").replaceAll("`", "'")
