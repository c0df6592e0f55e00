import type { Plan, PlannedFamily } from "../plan/plan.ts"
import { bytes, duration, line, table } from "./text.ts"

/** What would be built and why, and what that touches; families that stay are counted in one line. */
export function planText(plan: Plan): string {
  const todo = plan.families.filter(({ action }) => action === "build")
  const same = plan.families.length - todo.length
  return [
    line("tag", `${plan.tag}${plan.dirty ? " (uncommitted changes: not shippable without --allow-dirty)" : ""}`),
    ...(todo.length > 0 ? ["", table(["family", "", "why", "touches", "expected"], todo.map(row))] : []),
    "",
    same > 0 ? line("others", `${same} unchanged (same fingerprints as the last build here)`) : "",
    line("next", `fairlead ship ${askedFor(plan.families.at(-1))}`),
  ]
    .filter((each, index, all) => each !== "" || all[index - 1] !== "")
    .join("\n")
}

const askedFor = (last?: PlannedFamily): string => (last?.app ? `--app ${last.app}` : `--family ${last?.family}`)

const row = (each: PlannedFamily): string[] => [
  each.standIn ? `${each.family} (stand-in)` : each.family,
  "build",
  shortened(each.reasons),
  touches(each),
  expected(each),
]

const shortened = (reasons: string[]): string =>
  reasons.slice(0, 2).join("; ") + (reasons.length > 2 ? `; and ${reasons.length - 2} more` : "")

const touches = ({ touches }: PlannedFamily): string =>
  Object.entries(touches)
    .map(([host, count]) => `${count} service${count === 1 ? "" : "s"} on ${host}`)
    .join(", ") || "no service directly"

const expected = ({ expected }: PlannedFamily): string =>
  [
    expected?.seconds !== undefined ? `~${duration(expected.seconds)}` : "",
    expected?.bytes ? `~${bytes(expected.bytes)}` : "",
  ]
    .filter(Boolean)
    .join(", ")
