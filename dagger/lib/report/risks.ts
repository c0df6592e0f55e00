import type { Proposal, Remaining } from "../risks/propose.ts"
import { riskName, risksFileName } from "../risks/risk.ts"
import type { StandingRisk } from "../risks/standing.ts"
import { line, table } from "./text.ts"

/** Every entry of risks.yaml with how it stands, what wants doing first. */
export function risksText(risks: readonly StandingRisk[]): string {
  if (risks.length === 0) return line("risks", `none: ${risksFileName} accepts nothing`)
  const sorted = [...risks].sort((a, b) => a.reviewBy.localeCompare(b.reviewBy))
  return table(
    ["id", "package", "families", "by", "review by", "days left", "state"],
    sorted.map((each) => [
      each.id,
      each.package,
      each.families.map(({ family }) => family).join(", "),
      each.by.replace(/ <[^>]*>$/, ""),
      each.reviewBy,
      each.daysLeft < 0 ? "none" : String(each.daysLeft),
      stateOf(each),
    ]),
  )
}

/** One word where all families agree, else the others by name. */
function stateOf({ state, families }: StandingRisk): string {
  const others = families.filter((each) => each.state !== state)
  return [state, ...others.map((each) => `${each.family}: ${each.state}`)].join("; ")
}

/** What was written, what has to be done with it, and what it does not let pass. */
export function acceptedText(
  { added, replaced }: Proposal,
  remaining: readonly Remaining[],
  unseen: readonly string[],
): string {
  const some = remaining.slice(0, 20)
  return [
    ...added.map((risk) =>
      line(
        "accepted",
        `${riskName(risk)} in ${Object.keys(risk.families).join(", ")} until ${risk.reviewBy}, by ${risk.by}`,
      ),
    ),
    ...replaced.map(({ risk, families }) =>
      line(
        "replaced",
        `${riskName(risk)} in ${families.join(", ")}, accepted on ${risk.accepted} by ${risk.by} until ${risk.reviewBy}`,
      ),
    ),
    line("written", `${risksFileName}: it counts once it is committed (git add ${risksFileName} && git commit)`),
    remaining.length === 0
      ? line("failing", "nothing else, as the newest records have it")
      : line("failing", `still ${remaining.length}:`),
    ...some.flatMap(({ family, gate, what, fix }) => [
      `    ${family}  ${gate}  ${what}`,
      ...(fix ? [`      fix: ${fix}`] : []),
    ]),
    ...(remaining.length > some.length ? [`    and ${remaining.length - some.length} more`] : []),
    ...(unseen.length > 0 ? [line("note", `nobody could look at ${unseen.join(", ")}`)] : []),
    line(
      "next",
      `fairlead ship ${[...new Set(added.flatMap(({ families }) => Object.keys(families)))].map((each) => `--family ${each}`).join(" ")}`,
    ),
  ].join("\n")
}
