import { z } from "zod"
import { daySchema, digestSchema, labelSchema, lineSchema } from "../fleet/names.ts"

/** Where accepted risks are written down, at the repository's root. */
export const risksFileName = "risks.yaml"

export const riskSchema = z.strictObject({
  id: lineSchema.describe(
    '"CVE-2025-32434", any other name of the same weakness, or "*" for everything in the package.',
  ),
  package: lineSchema.describe('The package at fault, or "*" for every package of the families.'),
  families: z
    .record(labelSchema, digestSchema)
    .describe("family -> digest of the package table that it was accepted for; other packages, other risk."),
  reason: lineSchema.describe("Why it may pass, for whoever reads it later."),
  by: lineSchema.describe("Who answers for it."),
  accepted: daySchema.describe("Accepted on."),
  reviewBy: daySchema.describe("The last day on which it holds; at most policy.risks.maxDays after `accepted`."),
})

/** One accepted risk, an entry of risks.yaml. */
export type Risk = z.infer<typeof riskSchema>

export const risksFileSchema = z.strictObject({
  schema: z.literal(1).describe("The version of this file's format."),
  risks: z.array(riskSchema).describe("What somebody answers for, until a day. `fairlead risk accept` writes it."),
})

/** The JSON Schema of risks.yaml, for editors; what holds between entries is checked by parseRisks alone. */
export const risksJsonSchema = (): object => ({
  title: "risks.yaml",
  ...z.toJSONSchema(risksFileSchema, { io: "input", target: "draft-7", reused: "inline" }),
})

/** What an entry is about, for people: "CVE-2025-32434 for torch". */
export const riskName = ({ id, package: of }: Pick<Risk, "id" | "package">): string =>
  [id === "*" ? "everything" : id, of === "*" ? "any package" : of].join(" for ")

/** An entry that lets pass whatever is found, for a package or for whole families: nobody looked at each of them. */
export const isWarnMode = ({ id, package: of }: Pick<Risk, "id" | "package">): boolean => id === "*" || of === "*"
