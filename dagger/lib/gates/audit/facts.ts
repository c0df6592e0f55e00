import { z } from "zod"
import { pythonSourceSchema } from "../../advisories/advisories.ts"
import { insideSchema } from "../inside.ts"

const count = z.int().nonnegative()

const advisorySchema = z.strictObject({
  /** CVE first. */
  ids: z.array(z.string()).min(1),
  /** Above the version that was asked about, the nearest first. */
  fixed: z.array(z.string()),
  summary: z.string(),
})

const lookedUpSchema = z.strictObject({
  name: z.string(),
  /** The version that was asked about: 2.2.2 for 2.2.2+cu121. */
  version: z.string(),
  /** Where it stands, and in which version: "image", or a lock's path. */
  found: z.array(z.strictObject({ in: z.string(), version: z.string() })).min(1),
  advisories: z.array(advisorySchema),
})

const lookupsSchema = z.strictObject({
  /** null where there is no Python package, and so nothing to ask. */
  tool: z.strictObject({ name: z.string(), version: z.string() }).nullable(),
  /** When it was asked, by the clock of the run. */
  at: z.string(),
  /** How many advisories a folder has; null for a service, which does not say. */
  records: count.nullable(),
  /** Whether the service knew of a weakness that everyone knows of; null for a folder, which need not have it. */
  canary: z.boolean().nullable(),
  /** Packages that were asked about, by where they stand: as many were answered. */
  counts: z.record(z.string(), count),
  packages: z.array(lookedUpSchema),
})

export const factsSchema = z.strictObject({
  digest: z.string(),
  /** null: the image has no Python that could have looked. */
  image: z
    .strictObject({
      installed: z.array(z.strictObject({ name: z.string(), version: z.string() })),
      imports: insideSchema.shape.imports,
      libraries: insideSchema.shape.libraries.unwrap(),
      debian: insideSchema.shape.debian,
      used: insideSchema.shape.used,
    })
    .nullable(),
  /** The source that was asked, or why there was none. */
  source: pythonSourceSchema,
  /** null where there was no source. */
  lookups: lookupsSchema.nullable(),
})

export type AuditFacts = z.infer<typeof factsSchema>
export type AuditedImage = NonNullable<AuditFacts["image"]>
export type Lookups = z.infer<typeof lookupsSchema>
export type LookedUp = z.infer<typeof lookedUpSchema>
