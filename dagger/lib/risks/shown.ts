import type { FoundRisk, Verdict } from "../gates/verdict.ts"
import type { GateRecord, ImageRecord } from "../release/record.ts"

/** A weakness as a record shows it. */
export interface ShownRisk {
  family: string
  gate: string
  what: string
  risk: FoundRisk
  /** "noted" fails nothing; "accepted" was let pass by risks.yaml when the record was written. */
  state: "failing" | "accepted" | "noted"
}

/** Every weakness in a record, of whichever gate. */
export const shownRisks = ({ family, gates }: Pick<ImageRecord, "family" | "gates">): ShownRisk[] =>
  Object.entries(gates).flatMap(([gate, answer]) => shownBy(answer).map((each) => ({ family, gate, ...each })))

/** Every weakness in one gate's answer. */
export function shownBy({
  findings,
  accepted = [],
  notes = [],
}: GateRecord): Pick<ShownRisk, "what" | "risk" | "state">[] {
  const found = (state: ShownRisk["state"]) => (each: { what: string; risk?: FoundRisk }) =>
    each.risk ? [{ what: each.what, risk: each.risk, state }] : []
  return [
    ...findings.flatMap(found("failing")),
    ...accepted.flatMap(found("accepted")),
    ...notes.flatMap(found("noted")),
  ]
}

/** The gates that look for weaknesses: without their answers nobody can say that an image has none. */
export const riskGates = ["audit", "scan"] as const

/** Why a record cannot say that a weakness is not there; undefined where it can. */
export function unseen({ gates }: Pick<ImageRecord, "gates">): string | undefined {
  const blind = riskGates.flatMap((name) => {
    const verdict: Verdict | undefined = gates[name]?.verdict
    return verdict === undefined || verdict === "UNCHECKED" || verdict === "ERROR"
      ? [`${name} ${verdict ?? "was never asked"}`]
      : []
  })
  return blind.length > 0 ? blind.join(", ") : undefined
}
