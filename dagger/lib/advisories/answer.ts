import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"

const foundSchema = z.object({
  digest: digestSchema,
  /** ISO 8601, UTC. */
  updatedAt: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  fetchedAt: z.string(),
  from: z.string(),
  covers: z.array(z.string()),
})

const triedSchema = z.object({ ref: z.string(), absent: z.boolean(), why: z.string() })

/** What probe/sources_probe.py answers. */
export const probeSchema = z.object({
  schema: z.literal(1),
  database: z
    .object({
      found: foundSchema.nullable(),
      /** The newest that is kept from an earlier run, where none was found now. */
      kept: foundSchema.nullable(),
      tried: z.array(triedSchema),
      discarded: z.array(z.string()),
    })
    .optional(),
  folder: z
    .union([
      z.object({ found: foundSchema, discarded: z.array(z.string()) }),
      z.object({ wrong: z.string(), discarded: z.array(z.string()) }),
    ])
    .optional(),
  python: z.object({ answers: z.boolean(), absent: z.boolean(), why: z.string() }).optional(),
})

export type ProbeAnswer = z.infer<typeof probeSchema>
export type FoundDatabase = z.infer<typeof foundSchema>
