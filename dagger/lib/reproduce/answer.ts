import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"

export const reproductionSchema = z.object({
  schema: z.literal(1),
  family: z.string(),
  fingerprint: z.string(),
  released: digestSchema,
  rebuilt: digestSchema,
  same: z.boolean(),
  /** What is other, first of all; absent where nothing is. */
  difference: z.string().optional(),
  /** Seconds that its own steps took, without a cache. */
  seconds: z.number(),
  /** UTC. */
  at: z.string(),
})

/** What came of building a release again, as it is kept. */
export type Reproduction = z.infer<typeof reproductionSchema>
