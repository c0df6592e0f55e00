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
  const on = { family: record.family, contents: record.contents, now }
  const held = (answer.accepted ?? []).every(
    ({ what, id, package: of, risk }) =>
      acceptanceOf(risks, { what, risk: risk ?? { ids: [id], package: of, kind: "other" } }, on) !== undefined,
  )
  return held ? "ACCEPTED" : "FAIL"
}

/** The worst of all gates of a record, as of today; a record without gates proves nothing. */
export const recordToday = (record: ImageRecord, risks: readonly Risk[], now: Date): Verdict =>
  Object.keys(record.gates).length === 0
    ? "ERROR"
    : worst(Object.keys(record.gates).map((gate) => verdictToday(record, gate, risks, now)!))
