import type { Fleet } from "../fleet/fleet.ts"
import { servicesOf } from "../fleet/hierarchy.ts"
import type { RecordedOperations } from "../phases/operations.ts"
import type { ImageRecord } from "../release/record.ts"
import type { Risk } from "../risks/risk.ts"
import { type ShownRisk, shownRisks } from "../risks/shown.ts"
import { type StandingRisk, standingRisks } from "../risks/standing.ts"
import { recordToday, verdictToday } from "../risks/today.ts"
import type { AnswerOf } from "./answer.ts"

/** What answers rest on: the fleet as declared, and records. Nothing is looked at anew. */
export interface Known {
  fleet: Fleet
  /** The newest of a family first; families in any order. */
  records: readonly ImageRecord[]
  /** What was published, the newest first. */
  releases: readonly { family: string; tag: string; ref: string; digest: string; at: string }[]
  risks: readonly Risk[]
  now: Date
  /** What was seen to serve after a rollout, on which yard. Default: nothing. */
  operations?: readonly Pick<RecordedOperations, "yard" | "rolledOut">[]
}

/** The newest record of each family that has one. */
export function newest({ records }: Known): Map<string, ImageRecord> {
  const found = new Map<string, ImageRecord>()
  for (const record of records) if (!found.has(record.family)) found.set(record.family, record)
  return found
}

type ImageAnswer = AnswerOf<"digest">["image"]

export function imageOf(record: ImageRecord, { releases, risks, now }: Known): ImageAnswer {
  const { digest, fingerprint, revision, at, size, packages, contents } = record
  const gates = Object.entries(record.gates).map(([name, { brief }]) => {
    const verdict = verdictToday(record, name, risks, now)!
    return [name, { verdict, ...(brief ? { brief } : {}) }]
  })
  const verdict = recordToday(record, risks, now)
  const published = releases
    .filter((each) => each.family === record.family && each.digest === digest)
    // The same tag twice: its record was renewed. It is published since the first time.
    .filter(({ ref }, index, all) => !all.slice(index + 1).some((each) => each.ref === ref))
    .map(({ ref, at }) => ({ ref, at }))
  return {
    digest,
    published,
    fingerprint,
    revision,
    at,
    verdict,
    gates: Object.fromEntries(gates),
    size,
    packages,
    contents,
  }
}

export const servicesOn = (fleet: Fleet, family: string): { service: string; hosts: string[] }[] =>
  servicesOf(fleet, family).map(({ name, hosts }) => ({ service: name, hosts }))

/** How the entries of risks.yaml stand that somebody asks about. */
export const standing = (known: Known, about: (risk: Risk) => boolean): StandingRisk[] =>
  standingRisks(known.risks.filter(about), Object.fromEntries(newest(known)), known.now)

type ShownAnswer = AnswerOf<"package">["advisories"][number]

/** Every weakness in the newest records. */
export const allShown = (known: Known): ShownRisk[] => [...newest(known).values()].flatMap(shownRisks)

export const shownAnswer = ({ family, gate, what, state, risk }: ShownRisk): ShownAnswer => {
  const { ids, package: of, installed, fixed, severity } = risk
  return {
    family,
    gate,
    ids,
    package: of,
    ...(installed ? { installed } : {}),
    ...(fixed ? { fixed } : {}),
    ...(severity ? { severity } : {}),
    state,
    what,
  }
}
