import { z } from "zod"
import { bytesSchema } from "./bytes.ts"
import { labelSchema, portSchema, valueSchema, variableSchema } from "./names.ts"

export const needSchema = z.enum(["cpu", "gpu", "gpu-aware", "web", "llm", "audio", "vision", "docker"])

/**
 * What a service asks of its host and image. "gpu" takes a GPU and wants a family that can use one; "gpu-aware" watches
 * GPUs and runs without; "docker" talks to the host's Docker daemon.
 */
export type Need = z.infer<typeof needSchema>

export const serviceSchema = z
  .strictObject({
    family: labelSchema.describe("The family that the service runs on, by its full name."),
    hosts: z.array(labelSchema).min(1).describe("Where it runs."),
    needs: z.array(needSchema).min(1),
    port: portSchema.describe("TCP port of the service itself."),
    healthPort: portSchema.describe("TCP port on which GET /health answers; may be the service's own."),
    gpus: z
      .int()
      .min(0)
      .max(16)
      .optional()
      .describe("GPUs that the service takes. Default: 1 if it needs gpu, else 0."),
    app: labelSchema.optional().describe("The app that it runs. Default: the app marked standIn."),
    healthySeconds: z
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe("It may take this long until it is healthy: models load. Default: policy.rollout.healthySeconds."),
    env: z
      .record(variableSchema, valueSchema)
      .default({})
      .describe("Environment of its own, over its app's. No secrets: they are mounted."),
    memory: bytesSchema.optional().describe("More memory than this it does not get. Default: no limit."),
    pids: z.int().min(8).max(1_000_000).optional().describe("Processes and threads at most. Default: no limit."),
    wave: labelSchema
      .optional()
      .describe("The wave it rolls out in. Default: the first of policy.rollout.waves to match."),
  })
  .transform((service) => ({ ...service, gpus: service.gpus ?? (service.needs.includes("gpu") ? 1 : 0) }))

/** One service of the fleet: the same container on each of its hosts. */
export interface Service extends z.infer<typeof serviceSchema> {
  /** On a yard that cannot run it, the stand-in takes its place: why. Never written in fleet.yaml. */
  stoodInFor?: string
}

/** A service together with the name under which it stands in fleet.yaml. */
export interface NamedService extends Service {
  name: string
}
