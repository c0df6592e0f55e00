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

/** The bake file with a sealing target for each family; children stand on the unsealed parent. */
export function withSeals(file: BakeFile, families: readonly string[], epoch: number): BakeFile {
  const target = Object.fromEntries(
    Object.entries(file.target).map(([name, { output: _, "no-cache": __, ...each }]) => [name, each]),
  )
  for (const family of families) {
    target[sealed(family)] = { ...sealTarget(family), args: { SOURCE_DATE_EPOCH: String(epoch) } }
  }
  return { group: { default: { targets: families.map(sealed) } }, target }
}
