import { z } from "zod"
import { daySchema, digestSchema, labelSchema, lineSchema } from "../fleet/names.ts"

export const riskSchema = z.strictObject({
  id: lineSchema.describe(
    '"CVE-2025-32434", any other name of the same weakness, or "*" for everything in the package.',
  ),
  package: lineSchema.describe('The package at fault, or "*" for every package of the families.'),
  families: z
    .record(labelSchema, digestSchema)
    .describe("family -> digest of the package table that it was accepted for; other packages, other risk."),
  reason: lineSchema,
  by: lineSchema.describe("Who answers for it."),
  accepted: daySchema.describe("Accepted on."),
  reviewBy: daySchema.describe("The last day on which it holds; at most policy.risks.maxDays after `accepted`."),
})

/** One accepted risk, an entry of risks.yaml. */
export type Risk = z.infer<typeof riskSchema>
