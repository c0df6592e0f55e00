import { z } from "zod"

const stateSchema = z.enum([
  "planned",
  "unchanged",
  "pulled",
  "stopped",
  "started",
  "healthy",
  "failed",
  "rolledBack",
  "removed",
])

/** How far a service got. "removed": it failed, and there was nothing to go back to, as on a first deploy. */
export type ServiceState = z.infer<typeof stateSchema>

export const rolloutReportSchema = z.object({
  schema: z.literal(1),
  verdict: z
    .enum(["PASS", "FAIL", "ERROR"])
    .describe(
      "PASS: everything runs as wanted; FAIL: it failed and what was to go back is back and healthy; ERROR: something is " +
        "left that is not as it should be.",
    ),
  run: z.string().describe("6 hex digits; failed containers are kept as <svc>-<run>."),
  plan: z.string().describe("The id of the plan."),
  yard: z.string(),
  hosts: z.array(
    z.object({
      host: z.string(),
      unreachable: z.string().optional().describe("Why it could not be asked any more."),
      services: z.array(
        z.object({
          service: z.string(),
          from: z.string().optional().describe("Digest; absent for a first deploy."),
          to: z.string(),
          state: stateSchema,
          seconds: z.number().optional().describe("Without service at the switch."),
        }),
      ),
    }),
  ),
  failures: z.array(
    z.object({
      host: z.string(),
      service: z.string().optional(),
      reason: z.string(),
      lines: z.array(z.string()).describe("The last lines of its log."),
      kept: z.string().optional().describe("The container that failed, stopped, for whoever looks into it."),
    }),
  ),
  rolledBack: z.boolean(),
  policy: z.enum(["service", "wave", "fleet"]).describe("What goes back when a service fails."),
  notes: z.array(z.string()),
  exitCode: z
    .literal([0, 3, 4, 5])
    .describe("0 as wanted, 4 taken back and healthy, 5 taking back failed too, 3 else."),
  seconds: z.number(),
})

/** What a rollout answers; see docs/schema/deploy.schema.json. */
export type RolloutReport = z.infer<typeof rolloutReportSchema>

/** Why something did not work, with what its container said last. */
export type Failure = RolloutReport["failures"][number]
