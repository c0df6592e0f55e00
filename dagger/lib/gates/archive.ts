import { z } from "zod"
import type { Engine, Step } from "../engine/engine.ts"
import { sha256 } from "../sha256.ts"
import type { Image } from "./gate.ts"
import { answered, parsed, probe, shaped } from "./probe.ts"
import { CouldNotLook } from "./verdict.ts"

/**
 * Reads an image's archive from outside. Not with skopeo, which unpacks the whole archive into a temporary folder for
 * each inspect: the probe reads the index, the manifest and the config, and counts layers only when it is asked to.
 */
export const archiveStep = (
  subject: Image,
  engine: Engine,
  { uncompressed = false }: { uncompressed?: boolean } = {},
): Step => ({
  name: `read ${subject.family}`,
  image: "toolbox:run",
  argv: [
    "python3", "-I", "-B", "/fairlead/probe.py", "/in/image.tar", `--digest=${subject.digest}`,
    ...(uncompressed ? ["--uncompressed"] : []),
  ], // biome-ignore format: one argument per line would hide the shape of the command
  inputs: { "/fairlead/probe.py": probe(engine, "archive_probe.py"), "/in/image.tar": subject.archive },
})

const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const count = z.int().nonnegative()

const answerSchema = z.strictObject({
  schema: z.literal(1),
  images: z.array(
    z.strictObject({
      digest: digestSchema,
      manifest: z.string(),
      config: z.string(),
      layers: z.array(
        z.strictObject({
          digest: digestSchema,
          compressed: count,
          uncompressed: count.nullable(),
          diffId: digestSchema.nullable(),
        }),
      ),
    }),
  ),
})

// Written by others, so more may stand in it than is read here. Source: OCI image specification, config.md.
const texts = z.record(z.string(), z.string())
const declared = z.record(z.string(), z.unknown())
const ociConfigSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  config: z
    .object({
      User: z.string().default(""),
      Env: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Labels: texts.nullish(),
      ExposedPorts: declared.nullish(),
      Volumes: declared.nullish(),
      StopSignal: z.string().default(""),
      WorkingDir: z.string().default(""),
    })
    .default({ User: "", StopSignal: "", WorkingDir: "" }),
  rootfs: z.object({ diff_ids: z.array(digestSchema) }),
  history: z
    .array(z.object({ created_by: z.string().default(""), empty_layer: z.boolean().default(false) }))
    .default([]),
})

export const configSchema = z.strictObject({
  platform: z.string(),
  user: z.string(),
  entrypoint: z.array(z.string()),
  command: z.array(z.string()),
  env: texts,
  labels: texts,
  ports: z.array(z.string()),
  stopSignal: z.string(),
})

/** What an image's config says about how it runs. */
export type Config = z.infer<typeof configSchema>

/** One layer, with the line of the Dockerfile that made it as far as the history tells. */
export interface Layer {
  digest: string
  compressed: number
  /** Only where it was asked for. */
  uncompressed: number | null
  madeBy: string
}

/** An image as its archive tells it. */
export interface Archived {
  digest: string
  config: Config
  /** Bytes of manifest and config: small, and part of what is pulled. */
  described: number
  layers: Layer[]
}

/** Looks at the archive, and refuses a report about another image. */
export async function lookAtArchive(
  subject: Image,
  engine: Engine,
  options: { uncompressed?: boolean } = {},
): Promise<Archived> {
  const step = archiveStep(subject, engine, options)
  const { images } = answered(step.name, await engine.run(step), answerSchema)
  return archived(step.name, subject.digest, images)
}

/** The image with this digest, out of those in an archive. */
export function archived(name: string, digest: string, images: z.infer<typeof answerSchema>["images"]): Archived {
  const image = images.find((each) => each.digest === digest)
  if (!image || sha256(image.manifest) !== digest) {
    const others = images.map((each) => sha256(each.manifest))
    throw new CouldNotLook(
      `${name}: a report about another image: ${others.join(", ") || "none at all"} instead of ${digest}`,
      "build the family again",
    )
  }
  const manifestSchema = z.object({
    config: z.object({ digest: digestSchema }),
    layers: z.array(z.object({ digest: digestSchema, size: count })),
  })
  const manifest = shaped(name, parsed(name, image.manifest), manifestSchema)
  if (sha256(image.config) !== manifest.config.digest)
    throw new CouldNotLook(`${name}: the config is not the manifest's`)
  const oci = shaped(name, parsed(name, image.config), ociConfigSchema)
  const told = image.layers.map((layer) => `${layer.digest} ${layer.compressed}`).join()
  const stored = manifest.layers.map((layer) => `${layer.digest} ${layer.size}`).join()
  if (told !== stored) throw new CouldNotLook(`${name}: the layers are not the manifest's`)
  const wrong = image.layers.find(({ diffId }, index) => diffId !== null && diffId !== oci.rootfs.diff_ids[index])
  if (wrong) throw new CouldNotLook(`${name}: layer ${wrong.digest} does not unpack to what the config says`)
  const made = oci.history.filter((each) => !each.empty_layer)
  return {
    digest,
    config: configOf(oci),
    described: Buffer.byteLength(image.manifest) + Buffer.byteLength(image.config),
    layers: image.layers.map(({ diffId: _, ...layer }, index) => ({
      ...layer,
      // Bases that were imported have layers without a history.
      madeBy: brief(made[index - (image.layers.length - made.length)]?.created_by ?? "") || "the base",
    })),
  }
}

const configOf = ({ os, architecture, config }: z.infer<typeof ociConfigSchema>): Config => ({
  platform: `${os}/${architecture}`,
  user: config.User,
  entrypoint: config.Entrypoint ?? [],
  command: config.Cmd ?? [],
  env: Object.fromEntries((config.Env ?? []).map(variable)),
  labels: config.Labels ?? {},
  ports: Object.keys(config.ExposedPorts ?? {}),
  stopSignal: config.StopSignal,
})

/** The names of variables that hold secrets. Their values are left out of facts, since facts go into records. */
export const secretName =
  /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)(?:_|$)/i

function variable(text: string): [string, string] {
  const at = text.indexOf("=")
  const [name, value] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]
  return [name, secretName.test(name) && value !== "" ? "(not shown)" : value]
}

const brief = (madeBy: string): string => {
  const line = madeBy
    .replace(/\s+/g, " ")
    .replace(/^(?:\/bin\/sh -c )?(?:#\(nop\) )?/, "")
    .replace(/ # buildkit$/, "")
    .trim()
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}
