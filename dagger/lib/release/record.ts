import { isDeepStrictEqual } from "node:util"
import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"
import { type Verdict, worst } from "../gates/verdict.ts"
import { canonical } from "./canonical.ts"

const foundRiskSchema = z.object({
  ids: z.array(z.string()).min(1),
  package: z.string(),
  kind: z.enum(["debian", "python", "other"]),
  installed: z.string().optional(),
  fixed: z.array(z.string()).optional(),
  severity: z.enum(["UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"]).optional(),
})

const findingSchema = z.object({
  what: z.string(),
  where: z.string().optional(),
  evidence: z.string().optional(),
  fix: z.string().optional(),
  risk: foundRiskSchema.optional(),
})

const acceptedSchema = z.object({
  what: z.string(),
  id: z.string(),
  package: z.string(),
  reason: z.string(),
  by: z.string(),
  reviewBy: z.string(),
  risk: foundRiskSchema.optional(),
})

export const gateSchema = z.object({
  verdict: z.enum(["PASS", "ACCEPTED", "FAIL", "UNCHECKED", "ERROR"]),
  seconds: z.number(),
  facts: z.unknown(),
  findings: z.array(findingSchema),
  notes: z.array(findingSchema).optional(),
  accepted: z.array(acceptedSchema).optional(),
  brief: z.string().optional(),
})

/** One gate's answer as it is kept: what was seen, what was said of it, how long it took. */
export type GateRecord = z.infer<typeof gateSchema>

const strings = z.record(z.string(), z.string())

export const ingredientsSchema = z.object({
  files: strings,
  pins: strings,
  args: strings,
  standsOn: strings,
  epoch: z.number(),
  machine: z.string(),
  labels: strings.optional(),
  builder: z.string(),
})

export const recordSchema = z.object({
  schema: z.literal(1),
  family: z.string(),
  fingerprint: z.string(),
  ingredients: ingredientsSchema,
  digest: digestSchema,
  /** The image that it stands on, by its digest; none for what stands on a base, and in records from before children did so. */
  parent: z.object({ family: z.string(), digest: digestSchema }).optional(),
  /** The commit whose change made the image what it is. */
  revision: z.string(),
  /** Bytes: as stored in a registry, and on a host's disk. */
  size: z.object({ compressed: z.number(), uncompressed: z.number() }),
  packages: z.number(),
  /** SHA-256 over the package table: what a risk acceptance holds for. */
  contents: digestSchema,
  gates: z.record(z.string(), gateSchema),
  /** Seconds in which the gates were asked, side by side; each has its own, too. */
  gateSeconds: z.number(),
  /** Seconds that the build took. */
  seconds: z.number(),
  /** Engine and tools that built and looked. */
  tools: strings,
  /** When it was written, in UTC. */
  at: z.string(),
})

// Signed records outlive the Fairlead that wrote them: from the first release on, a new field is optional, or recordType
// (attest/statement.ts) gets another number.

/** What is known of one built image: what it is made of, what the gates saw. Nothing counts as done without one. */
export type ImageRecord = z.infer<typeof recordSchema>

/** The worst of what its gates said. */
export const verdictOf = ({ gates }: Pick<ImageRecord, "gates">): Verdict =>
  worst(Object.values(gates).map(({ verdict }) => verdict))

/** Whether two records of an image say the same: verdicts, facts and acceptances. Wording may grow older by itself. */
export const sameAnswers = (a: ImageRecord, b: ImageRecord): boolean => {
  const said = ({ gates }: ImageRecord) =>
    // By name: in a signed record gates stand in another order.
    Object.fromEntries(
      Object.entries(gates).map(([name, { verdict, facts, accepted = [] }]) => [name, [verdict, facts, accepted]]),
    )
  // Their text decides; that they are alike to the letter is seen in a tenth of the time.
  return isDeepStrictEqual(said(a), said(b)) || canonical(said(a)) === canonical(said(b))
}
