import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"
import { sha256 } from "../sha256.ts"
import { bundleType } from "./envelope.ts"

const manifestType = "application/vnd.oci.image.manifest.v1+json"
const indexType = "application/vnd.oci.image.index.v1+json"
const emptyType = "application/vnd.oci.empty.v1+json"
/** The two bytes that stand for "no config" (OCI image specification 1.1, guidance for an empty descriptor). */
export const empty = { text: "{}", digest: sha256("{}") } as const

export const annotation = {
  created: "org.opencontainers.image.created",
  predicateType: "dev.sigstore.bundle.predicateType",
  content: "dev.sigstore.bundle.content",
  /** The digest of the signed statement: tells whether it is there already. Never believed unchecked. */
  statement: "dev.fairlead.statement",
} as const

const descriptorSchema = z.looseObject({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.int().nonnegative(),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
})

export type Descriptor = z.infer<typeof descriptorSchema>

/** What stands below an image: the image index that OCI 1.1 keeps under the tag sha256-<hex>. */
export const indexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.literal(indexType),
  manifests: z.array(descriptorSchema).max(1000),
})

export type ReferrersIndex = z.infer<typeof indexSchema>

/** The one layer of an artifact's manifest that is worth reading. */
export const artifactSchema = z.looseObject({
  layers: z
    .array(z.looseObject({ mediaType: z.string(), digest: digestSchema, size: z.int().nonnegative() }))
    .length(1),
})

/** A signed statement as something that a registry keeps. */
export interface Attached {
  descriptor: Descriptor
  manifest: string
  bundle: string
}

/** The same statement in the same bundle gives the same bytes, so that a run that was cut off can be finished. */
export function attached(
  bundle: string,
  about: { image: { digest: string; size: number }; type: string; statement: string; created: string },
): Attached {
  const annotations = {
    [annotation.content]: "dsse-envelope",
    [annotation.predicateType]: about.type,
    [annotation.statement]: sha256(about.statement),
    [annotation.created]: about.created,
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: bundleType,
    config: { mediaType: emptyType, digest: empty.digest, size: empty.text.length },
    layers: [{ mediaType: bundleType, digest: sha256(bundle), size: Buffer.byteLength(bundle) }],
    subject: { mediaType: manifestType, ...about.image },
    annotations,
  })
  return { manifest, bundle, descriptor: { ...described(manifest), artifactType: bundleType, annotations } }
}

export const described = (manifest: string) => ({
  mediaType: manifestType,
  digest: sha256(manifest),
  size: Buffer.byteLength(manifest),
})

/**
 * What may be a statement of a type among what is attached, the newest first; what says no type comes last. Whoever may
 * push can write these words, so they only say where to look first.
 */
export const candidates = (index: ReferrersIndex | undefined, type: string): Descriptor[] =>
  (index?.manifests ?? [])
    .filter(({ annotations }) => (annotations?.[annotation.predicateType] ?? type) === type)
    .sort((a, b) => (createdOf(a) < createdOf(b) ? 1 : -1))

const createdOf = ({ annotations }: Descriptor): string => annotations?.[annotation.created] ?? ""
