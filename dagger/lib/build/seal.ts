import { type BakeFile, type BakeTarget, noProvenance } from "../plan/bake.ts"

/** Where the pipeline puts what an image says of itself; the entrypoint reads the SBOM from there. */
export const sbomPath = "/usr/share/fairlead/sbom.spdx.json.gz"
export const machineProfilePath = "/etc/machine-profile.json"

// gzip -n leaves the time out. Packed in a stage of its own, so that nothing of it but the file reaches the image.
const sealDockerfile = `\
FROM image AS packed
USER 0:0
COPY . /seal/
RUN gzip -9n /seal/usr/share/fairlead/*.json

FROM image
COPY --from=packed /seal/ /
`

/** The target that puts an image's last small layer on it: its SBOM, and the machine profile where one is asked for. */
const sealTarget = (family: string): BakeTarget & { "dockerfile-inline": string } => ({
  context: `/seal/${family}`,
  dockerfile: "seal",
  "dockerfile-inline": sealDockerfile,
  contexts: { image: `target:${family}` },
  platforms: ["linux/amd64"],
  attest: [...noProvenance],
})

export const sealed = (family: string): string => `sealed-${family}`

/** The bake file with the sealing target of a family instead of the family. */
export function withSeal({ target }: BakeFile, family: string, epoch: number): BakeFile {
  const made = Object.entries(target).map(([name, { output: _, "no-cache": __, ...each }]) => [name, each])
  const seal = { ...sealTarget(family), args: { SOURCE_DATE_EPOCH: String(epoch) } }
  return {
    group: { default: { targets: [sealed(family)] } },
    target: { ...Object.fromEntries(made), [sealed(family)]: seal },
  }
}
