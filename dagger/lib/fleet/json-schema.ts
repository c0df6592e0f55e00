import { z } from "zod"
import { fleetSchema } from "./fleet.ts"

/**
 * The JSON Schema of fleet.yaml, for editors. It knows keys, types and spellings; what holds between entries is checked
 * by parseFleet alone. Draft 7, since the YAML language server knows that one best.
 */
export const fleetJsonSchema = (): object => ({
  title: "fleet.yaml",
  ...z.toJSONSchema(fleetSchema, { io: "input", target: "draft-7", reused: "inline" }),
})
