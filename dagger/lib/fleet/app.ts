import { z } from "zod"
import { pathSchema, valueSchema, variableSchema } from "./names.ts"
import { shown } from "./shown.ts"

export const appSchema = z.strictObject({
  path: pathSchema.describe("Folder with the app's code; it becomes /app in the service's image."),
  command: z
    .array(valueSchema)
    .min(1)
    .refine((command) => !command[0]?.startsWith("-"), {
      error: ({ input }) => `${shown((input as string[])[0])} is an option; begin with the program to run`,
    })
    .describe("What the container runs under tini: program and arguments, never a shell line."),
  lock: pathSchema.optional().describe("Requirements lock with hashes. Default: what the family has is enough."),
  portEnv: variableSchema.default("PORT").describe("Variable that tells the app its port."),
  healthPortEnv: variableSchema.default("HEALTH_PORT").describe("Variable that tells the app its health port."),
  env: z.record(variableSchema, valueSchema).default({}).describe("Further environment. No secrets: they are mounted."),
  standIn: z
    .boolean()
    .default(false)
    .describe("Runs in place of every service that names no app, and is shown as a stand-in. At most one app."),
})

/** Code that services run. */
export type App = z.infer<typeof appSchema>
