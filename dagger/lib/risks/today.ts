import { gates } from "../gates/table.ts"
import { type Verdict, worst } from "../gates/verdict.ts"
import type { ImageRecord } from "../release/record.ts"
import { acceptanceOf } from "./accept.ts"
import type { Risk } from "./risk.ts"

/**
 * What a gate's recorded answer is worth today: ACCEPTED is FAIL once risks.yaml no longer lets one of its findings pass.
 * Never better than the record.
 */
export function verdictToday(
  record: ImageRecord,
  gate: string,
  risks: readonly Risk[],
  now: Date,
): Verdict | undefined {
  const answer = record.gates[gate]
  if (answer?.verdict !== "ACCEPTED") return answer?.verdict
  // The gate knew what the image stands on; here the very same packages are enough.
  const line = risks.flatMap(({ families }) => Object.keys(families))
  const on = { family: record.family, line, contents: record.contents, now }
  const held = (answer.accepted ?? []).every(
    ({ what, id, package: of, risk }) =>
      acceptanceOf(risks, { what, risk: risk ?? { ids: [id], package: of, kind: "other" } }, on) !== undefined,
  )
  return held ? "ACCEPTED" : "FAIL"
}

/** The worst of all gates, as of today; a gate that never answered leaves the image UNCHECKED, however good the others are. */
export function recordToday(record: ImageRecord, risks: readonly Risk[], now: Date): Verdict {
  const names = new Set<string>([...gates.map(({ name }) => name), ...Object.keys(record.gates)])
  return worst([...names].map((name) => verdictToday(record, name, risks, now) ?? "UNCHECKED"))
}
