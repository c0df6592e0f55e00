import { z } from "zod"
import type { Fleet } from "../fleet/fleet.ts"
import type { Risk } from "../risks/risk.ts"
import type { NewestRecords } from "../risks/standing.ts"
import { verdictToday } from "../risks/today.ts"
import type { RepositoryFacts } from "./repository.ts"

/** What phases are proved by. */
export interface Evidence {
  fleet: Fleet
  /** The newest record of each family. */
  records: NewestRecords
  risks: readonly Risk[]
  now: Date
  repository: RepositoryFacts
  /** What was published, the newest first. */
  releases: readonly { family: string; ref: string; digest: string }[]
  operations: Operations
}

/** What happened in CI and on the hosts of one yard, as records tell it (phases/operations.ts); nothing, nothing is proved. */
export interface Operations {
  /** A CI run that shipped with the registry cache, by its name or URL. */
  shippedInCi: readonly { run: string }[]
  /** A service that became healthy on a host, with its image's name and digest. */
  rolledOut: readonly { service: string; host: string; image: string; digest: string; standIn?: boolean }[]
  /** A start-up report that the receiver got: its SBOM and git SHA are those of the image. */
  reported: readonly { service: string; host: string; image: string; digest: string; standIn?: boolean }[]
  /** A host that went back to its -prev digests and was healthy. */
  rolledBack: readonly { host: string }[]
  /** A host that FORCE_IMAGE_TAG held at a tag. */
  pinned: readonly { host: string }[]
}

export const nothingRecorded: Operations = { shippedInCi: [], rolledOut: [], reported: [], rolledBack: [], pinned: [] }

/** What is there, and what is not, in sentences. */
export interface Proven {
  proof: string[]
  missing: string[]
}

export interface Phase {
  phase: number
  title: string
  prove(evidence: Evidence): Proven
}

export const phaseAnswerSchema = z.object({
  phase: z.number(),
  title: z.string(),
  done: z.boolean().describe("Nothing is missing, and something proves it."),
  proof: z.array(z.string()),
  missing: z.array(z.string()).describe("Which proof there is none of, and what makes it."),
})

export type PhaseAnswer = z.infer<typeof phaseAnswerSchema>

export const joined = (parts: readonly Proven[]): Proven => ({
  proof: parts.flatMap(({ proof }) => proof),
  missing: parts.flatMap(({ missing }) => missing),
})

export const proven = (proof: string): Proven => ({ proof: [proof], missing: [] })
export const lacking = (missing: string): Proven => ({ proof: [], missing: [missing] })

/** A gate's recorded answer for a family, worth something only as PASS or ACCEPTED, and as of today. */
export function gateProof({ records, risks, now }: Evidence, family: string, gate: string): Proven {
  const record = records[family]
  if (!record) return lacking(`${family}: no record, so no answer of ${gate}`)
  const verdict = verdictToday(record, gate, risks, now)
  if (verdict === "PASS" || verdict === "ACCEPTED")
    return proven(`${family}: ${gate} ${verdict} in the record of ${record.at.slice(0, 10)}`)
  const lapsed = record.gates[gate]?.verdict === "ACCEPTED" ? ": what it accepted no longer holds" : ""
  return lacking(
    verdict === undefined
      ? `${family}: its newest record has no answer of ${gate}: \`fairlead ship --family ${family}\` asks it`
      : `${family}: ${gate} is ${verdict}${lapsed}, and only PASS or ACCEPTED proves it`,
  )
}
