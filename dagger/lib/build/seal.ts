import { z } from "zod"
import { type Artifact, type Engine, type Step, StepError, succeeded } from "../engine/engine.ts"
import { digestSchema } from "../fleet/names.ts"
import { archivePath, layoutPath } from "./buildkit.ts"

/** Where the pipeline puts what an image says of itself; the entrypoint reads the SBOM from there. */
export const sbomPath = "/usr/share/fairlead/sbom.spdx.json.gz"
export const machineProfilePath = "/etc/machine-profile.json"

export interface Seal {
  /** The image as BuildKit left it: an OCI archive. */
  archive: Artifact
  sbom: Artifact
  /** The machine profile of a host that the image is for alone. */
  profile?: Artifact
  /** Seconds since 1970: the layer's only time. */
  epoch: number
  /** Also unpacked, as children need it to stand on. */
  layout: boolean
}

export interface Sealed {
  archive: Artifact
  layout?: Artifact
  /** The manifest's digest, and its bytes. */
  digest: string
  bytes: number
}

/** image-seal, our own tool in dagger/toolbox/seal: the last small layer of an image. Nothing below it is packed again. */
export const sealStep = (family: string, { archive, sbom, profile, epoch, layout }: Seal): Step => ({
  name: `seal ${family}`,
  image: "toolbox:sbom",
  argv: [
    ...(["image-seal", "seal", `--epoch=${epoch}`] as const),
    `--folder=${inTar(sbomPath.slice(0, sbomPath.lastIndexOf("/")))}`,
    `--gzip=${inTar(sbomPath)}=${sbomInput}`,
    ...(profile ? [`--file=${inTar(machineProfilePath)}=${profileInput}`] : []),
    ...(layout ? [`--layout=${layoutPath}`] : []),
    imageInput,
    archivePath,
  ],
  inputs: { [imageInput]: archive, [sbomInput]: sbom, ...(profile ? { [profileInput]: profile } : {}) },
  outputs: { archive: archivePath, ...(layout ? { layout: layoutPath } : {}) },
})

const imageInput = "/in/image.tar"
const sbomInput = "/in/sbom.spdx.json"
const profileInput = "/in/machine-profile.json"

const inTar = (path: string): string => path.slice(1)

const saidSchema = z.strictObject({ digest: digestSchema, size: z.int().positive() })

/** The image with its last layer. Throws StepError. */
export async function sealed(engine: Engine, family: string, seal: Seal): Promise<Sealed> {
  const step = sealStep(family, seal)
  const { stdout, outputs } = succeeded(step, await engine.run(step))
  const said = saidSchema.safeParse(json(stdout))
  if (!said.success || !outputs.archive) throw new StepError(step.name, { why: "image-seal told no digest for it" })
  const { digest, size: bytes } = said.data
  return { archive: outputs.archive, ...(outputs.layout ? { layout: outputs.layout } : {}), digest, bytes }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
