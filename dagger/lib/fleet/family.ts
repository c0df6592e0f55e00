import { z } from "zod"
import { torchArchList } from "./arch.ts"
import { bytesSchema } from "./bytes.ts"
import {
  daySchema,
  debianPackageSchema,
  distributionSchema,
  imagePathSchema,
  labelSchema,
  lineSchema,
  moduleSchema,
  pathSchema,
  portSchema,
  valueSchema,
  variableSchema,
  versionSchema,
} from "./names.ts"

const budgetSchema = z.strictObject({
  compressed: bytesSchema.describe("At most this in a registry, as pulled: the sum of the layers as they are stored."),
  uncompressed: bytesSchema.describe("At most this on a host's disk, unpacked."),
})

/** How big an image may be, in bytes. Over it, the size gate fails. */
export type Budget = z.infer<typeof budgetSchema>

const allowSchema = z.strictObject({
  setuid: z.array(imagePathSchema).default([]).describe("Files that may be setuid or setgid. Default: none."),
  compilers: z.array(imagePathSchema).default([]).describe("Compilers and build tools that may stay. Default: none."),
  ports: z.array(portSchema).default([]).describe("Ports that the image may expose. Default: none."),
})

/** What the contract gate lets pass in a family and in its children. */
export type Allow = z.infer<typeof allowSchema>

const archList = "TORCH_CUDA_ARCH_LIST"

const argsSchema = z.record(variableSchema, valueSchema).transform((args) => {
  const list = args[archList]
  return list === undefined ? args : { ...args, [archList]: torchArchList(list).join(";") }
})

export const familySchema = z.strictObject({
  alias: labelSchema.describe('A short name for the command line, such as "web".'),
  description: lineSchema.describe("What the image is for, in one line."),
  dockerfile: pathSchema.optional().describe("Default: the family is declared and cannot be built yet."),
  base: labelSchema.optional().describe("The base that the family stands on. Either this or parent."),
  parent: labelSchema.optional().describe("The family that the family stands on. Either this or base."),
  lock: pathSchema.optional().describe("Requirements lock with hashes. Default: no Python packages of its own."),
  python: z.enum(["3.11", "3.10"]).default("3.11").describe("The Python in the image."),
  frozen: z
    .record(distributionSchema, versionSchema)
    .default({})
    .describe("Python distributions that must be installed in exactly this version. Children inherit them."),
  budget: budgetSchema,
  gpu: z.boolean().default(false).describe("The image can use an NVIDIA GPU. Children inherit it."),
  args: argsSchema.default({}).describe("Build arguments. Children inherit them."),
  packages: z
    .array(moduleSchema)
    .default([])
    .describe("Python modules that the family promises: each must import in the built image."),
  system: z
    .array(debianPackageSchema)
    .default([])
    .describe(
      "Debian packages that are wanted although no library uses them, such as curl. Children inherit them. Default: none.",
    ),
  allow: allowSchema.default({ setuid: [], compilers: [], ports: [] }),
  endOfLife: daySchema.optional().describe("The day on which what the family stands on stops getting fixes."),
})

/** An image of the hierarchy that services run on. */
export type Family = z.infer<typeof familySchema>

/** A family together with the name under which it stands in fleet.yaml. */
export interface NamedFamily extends Family {
  name: string
  /** The app whose code is in it: then it is no family of fleet.yaml but an app image, see apps.ts. */
  app?: string
}
