import { z } from "zod"
import { canonical } from "../release/canonical.ts"
import { type ImageRecord, recordSchema } from "../release/record.ts"

/** What a signed statement says of an image. */
export const recordType = "urn:fairlead:record:1"
/** SPDX, as the in-toto predicate and as cosign's --type spdxjson. */
export const sbomType = "https://spdx.dev/Document"

// cosign's own `attest` writes the older type; both mean the same.
const statementTypes = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"] as const

export const statementSchema = z.object({
  _type: z.enum(statementTypes),
  subject: z.array(z.object({ name: z.string(), digest: z.record(z.string(), z.string()) })).length(1),
  predicateType: z.string(),
  predicate: z.unknown(),
})

/** Something said of one image (https://in-toto.io/Statement/v1). */
export type Statement = z.infer<typeof statementSchema>

/** The very bytes that are signed: the same statement gives the same ones, whatever order its keys came in. */
export const statementText = (image: { family: string; digest: string }, type: string, predicate: unknown): string =>
  canonical({
    _type: statementTypes[0],
    // Registries have other names inside and outside, and images are copied: only the digest names an image.
    subject: [{ name: image.family, digest: { sha256: image.digest.replace("sha256:", "") } }],
    predicateType: type,
    predicate,
  })

/** A release record as the statement that is signed. Fields that records do not have stay out. */
export const recordStatement = (record: ImageRecord): string =>
  statementText(record, recordType, recordSchema.parse(record))

export const sbomStatement = (image: { family: string; digest: string }, spdx: string): string =>
  statementText(image, sbomType, JSON.parse(spdx))

/** The digest of the image that a statement is about; undefined when it does not say. */
export const subjectOf = ({ subject }: Statement): string | undefined => {
  const { sha256 } = subject[0]!.digest
  return sha256 === undefined ? undefined : `sha256:${sha256}`
}
