import { z } from "zod"
import { registryHostSchema, registryOrgSchema } from "./names.ts"

export const registrySchema = z.strictObject({
  host: registryHostSchema
    .default("ghcr.io")
    .describe('Default: "ghcr.io". FAIRLEAD_REGISTRY and --registry go first.'),
  org: registryOrgSchema.describe("What stands between the registry and a family's name."),
})

/** Where images go: `<host>/<org>/<family>`. */
export type Registry = z.infer<typeof registrySchema>
