import { z } from "zod"
import { normalName } from "../gates/blueprint/version.ts"
import type { Accepted, Finding, FoundRisk } from "../gates/verdict.ts"
import type { GateState, Standing } from "./state.ts"

export type Severity = NonNullable<FoundRisk["severity"]>

/** From worst to mildest. */
export const severities: readonly Severity[] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"]

/** One weakness of one package, whichever gates found it. */
export interface Vulnerability {
  ids: string[]
  package: string
  kind: FoundRisk["kind"]
  installed?: string
  fixed: string[]
  severity: Severity
  what: string
  fix?: string
  /** The gates that found it. */
  gates: string[]
  /** Who answers for it, and until when; absent where it is open. */
  accepted?: Accepted
}

/** The vulnerabilities that gates found, each once and the worst first. */
export function vulnerabilities(gates: readonly Pick<GateState, "name" | "findings" | "accepted">[]): Vulnerability[] {
  const found: Vulnerability[] = []
  for (const { name, findings, accepted } of gates) {
    for (const finding of findings) if (finding.risk) merge(found, fromFinding(name, finding, finding.risk))
    for (const each of accepted) merge(found, fromAccepted(name, each))
  }
  return found.sort(byWorst)
}

const fromFinding = (gate: string, { what, fix }: Finding, risk: FoundRisk): Vulnerability => ({
  ids: risk.ids,
  package: risk.package,
  kind: risk.kind,
  installed: risk.installed,
  fixed: risk.fixed ?? [],
  severity: risk.severity ?? "UNKNOWN",
  what,
  fix,
  gates: [gate],
})

const fromAccepted = (gate: string, accepted: Accepted): Vulnerability => {
  const { what, id, package: name, risk = { ids: [id], package: name, kind: "other" } } = accepted
  return { ...fromFinding(gate, { what }, risk), accepted }
}

/** Two gates that name the same weakness differently tell of one, if they share any of its names. */
function merge(found: Vulnerability[], next: Vulnerability): void {
  const name = normalName(next.package)
  const known = found.find((each) => normalName(each.package) === name && each.ids.some((id) => next.ids.includes(id)))
  if (!known) return void found.push(next)
  known.ids = [...new Set([...known.ids, ...next.ids])]
  known.gates = [...new Set([...known.gates, ...next.gates])]
  known.fixed = known.fixed.length > 0 ? known.fixed : next.fixed
  known.installed ??= next.installed
  known.fix ??= next.fix
  if (severities.indexOf(next.severity) < severities.indexOf(known.severity)) known.severity = next.severity
  if (known.kind === "other") known.kind = next.kind
  // What one gate still complains of is open.
  if (!next.accepted) known.accepted = undefined
}

export const byWorst = (a: Vulnerability, b: Vulnerability): number =>
  Number(a.accepted !== undefined) - Number(b.accepted !== undefined) ||
  severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
  a.package.localeCompare(b.package) ||
  (a.ids[0] ?? "").localeCompare(b.ids[0] ?? "")

/** The gates that know of vulnerabilities. */
export const lookers = ["audit", "scan"] as const

// A gate that looks for other things as well can fail by those, and have seen no advisory: then these are null.
const blindFacts = z.union([z.looseObject({ seen: z.null() }), z.looseObject({ lookups: z.null() })])

/** Which of them looked: without both, no number of vulnerabilities is the whole number. */
export function lookedBy(gates: readonly { name: string; standing: Standing; facts?: unknown }[]): string[] {
  const seen: readonly Standing[] = ["PASS", "ACCEPTED", "FAIL"]
  return lookers.filter((name) => {
    const gate = gates.find((each) => each.name === name)
    return gate !== undefined && seen.includes(gate.standing) && !blindFacts.safeParse(gate.facts).success
  })
}
