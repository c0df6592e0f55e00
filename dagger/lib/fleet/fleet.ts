import { z } from "zod"
import { appSchema } from "./app.ts"
import { baseSchema, builderSchema } from "./base.ts"
import { familySchema } from "./family.ts"
import { hostSchema } from "./host.ts"
import { labelSchema, serviceNameSchema } from "./names.ts"
import { policySchema } from "./policy.ts"
import { registrySchema } from "./registry.ts"
import { type Service, serviceSchema } from "./service.ts"

export const fleetSchema = z.strictObject({
  schema: z.literal(1).describe("The version of this file's format."),
  name: labelSchema.describe("The fleet's name, shown to people and set as a label on what Fairlead makes."),
  registry: registrySchema,
  epoch: z
    .int()
    .min(315_532_800)
    .max(4_102_444_800)
    .describe(
      "SOURCE_DATE_EPOCH of every image, in seconds since 1970. Moved only when the bases move: another epoch gives " +
        "every layer another digest.",
    ),
  bases: z.record(labelSchema, baseSchema).describe("Images that others made."),
  builders: z.record(labelSchema, builderSchema).default({}).describe("Images that families are built with."),
  families: z.record(labelSchema, familySchema).describe("Images that services run on, parents before children."),
  hosts: z.record(labelSchema, hostSchema).describe("Machines that run services."),
  apps: z.record(labelSchema, appSchema).default({}).describe("Code that services run."),
  services: z.record(serviceNameSchema, serviceSchema).describe("What runs where."),
  policy: policySchema,
})

/** The whole fleet, as fleet.yaml describes it. */
export interface Fleet extends Omit<z.infer<typeof fleetSchema>, "services"> {
  services: Record<string, Service>
}
