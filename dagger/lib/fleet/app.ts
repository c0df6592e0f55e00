import { z } from "zod"
import { bytesSchema } from "./bytes.ts"
import { imagePathSchema, labelSchema, pathSchema, valueSchema, variableSchema } from "./names.ts"
import { shown } from "./shown.ts"

export const appSchema = z.strictObject({
  path: pathSchema
    .optional()
    .describe(
      "Folder with the app's code; it becomes /app in an image of the app's own. Default: no code, the command runs in " +
        "the family's image.",
    ),
  command: z
    .array(valueSchema)
    .min(1)
    .refine((command) => !command[0]?.startsWith("-"), {
      error: ({ input }) => `${shown((input as string[])[0])} is an option; begin with the program to run`,
    })
    .describe("What the container runs under tini: program and arguments, never a shell line."),
  lock: pathSchema
    .optional()
    .describe("Requirements lock with hashes, in the app's folder. Default: what the family has is enough."),
  budget: z
    .strictObject({
      compressed: bytesSchema.describe("At most this in a registry."),
      uncompressed: bytesSchema.describe("At most this on a host's disk."),
    })
    .optional()
    .describe("How much the app may add to its family's image. Default: 5 MB compressed, 20 MB uncompressed."),
  portEnv: variableSchema.default("PORT").describe("Variable that tells the app its port."),
  healthPortEnv: variableSchema.default("HEALTH_PORT").describe("Variable that tells the app its health port."),
  env: z.record(variableSchema, valueSchema).default({}).describe("Further environment. No secrets: they are mounted."),
  volumes: z
    .record(labelSchema, imagePathSchema)
    .default({})
    .describe(
      "Named volumes that the app may write to, by name: the folder in the container. Each service has its own.",
    ),
  binds: z
    .record(imagePathSchema, imagePathSchema)
    .default({})
    .describe("Folders or files of the host, mounted read only: path on the host to path in the container."),
  tmpfs: z
    .array(imagePathSchema)
    .default([])
    .describe("Folders in memory that the app may write to, besides /tmp; empty at each start."),
  standIn: z
    .boolean()
    .default(false)
    .describe("Runs in place of every service that names no app, and is shown as a stand-in. At most one app."),
})

/** Code that services run. */
export type App = z.infer<typeof appSchema>
