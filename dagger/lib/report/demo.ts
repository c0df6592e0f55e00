import { z } from "zod"
import { yardSchema } from "../fleet/demo.ts"

/** What `demo up` and `demo status` answer with --json. */
export const demoSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  yard: yardSchema.optional().describe("Absent while no yard is up."),
  hosts: z.array(
    z.object({
      host: z.string(),
      problem: z.string().optional().describe("What is wrong with it."),
      memory: z.number().optional().describe("Bytes that the host takes with everything that runs on it."),
      containers: z.number().optional().describe("Containers that run on it."),
    }),
  ),
  reports: z
    .array(
      z.object({
        number: z.number(),
        time: z.string(),
        host: z.string().nullable().describe("Null where the address is no host's."),
        from: z.string(),
        service: z.string().nullable(),
        image: z.string().nullable(),
        git_sha: z.string().nullable(),
        sbom: z.object({ sha256: z.string(), bytes: z.number(), packages: z.number() }).nullable(),
      }),
    )
    .optional()
    .describe("The last report of each service on each host. Absent where the receiver does not answer."),
})
