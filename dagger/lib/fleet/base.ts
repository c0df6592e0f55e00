import { z } from "zod"
import { digestSchema, imageSchema, labelSchema, pathSchema } from "./names.ts"

export const baseSchema = z.strictObject({
  image: imageSchema.describe('The image at the foot of families, such as "debian:bookworm-slim".'),
  digest: digestSchema.optional().describe("The manifest digest as pulled. Written by `fairlead lock`, not by hand."),
  bootstrap: z
    .strictObject({
      suite: z.enum(["bookworm", "trixie"]).describe("The Debian release that mmdebstrap makes."),
      snapshot: z
        .string()
        .regex(/^20\d{6}T\d{6}Z$/, 'is no time such as "20261120T000000Z"')
        .optional()
        .describe(
          'The moment of the archive that all Debian packages are taken from, such as "20261120T000000Z"; the base is always made ' +
            "then and never pulled. Default: the archive as it is on the day.",
        ),
    })
    .optional()
    .describe(
      "How to make the image from Debian's packages where no image registry serves it. Default: cannot be made.",
    ),
})

/** An image that others made and families stand on. */
export type Base = z.infer<typeof baseSchema>

export const builderSchema = z.strictObject({
  dockerfile: pathSchema.describe("The builder's Dockerfile."),
  base: labelSchema.optional().describe("The base it stands on. Either this or parent."),
  parent: labelSchema.optional().describe("The family it stands on. Either this or base."),
  lock: pathSchema.optional().describe("Requirements lock with hashes. Default: no Python packages."),
})

/** An image that families are built with (compilers, uv) and that is never shipped. */
export type Builder = z.infer<typeof builderSchema>
