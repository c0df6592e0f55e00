import { createHash } from "node:crypto"
import { packagesIn } from "../../dagger/lib/build/sbom.ts"
import type { Artifact, Engine } from "../../dagger/lib/engine/engine.ts"
import { contentsOf } from "../../dagger/lib/release/contents.ts"
import type { ImageRecord } from "../../dagger/lib/release/record.ts"

/** An image of one empty layer, as an OCI archive: a registry takes it like any other, in no time. */
export interface TinyImage {
  archive: Artifact
  digest: string
  /** Of its manifest. */
  bytes: number
}

export async function tinyImage(engine: Engine, label: string): Promise<TinyImage> {
  const layer = "\0".repeat(1024)
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Labels: { label } },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  })
  const described = (text: string, mediaType: string) => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: digestOf(text),
    size: text.length,
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: described(config, "config.v1+json"),
    layers: [described(layer, "layer.v1.tar")],
  })
  const files: Record<string, string> = {
    version: "Directory Transport Version: 1.1\n",
    "manifest.json": manifest,
    [digestOf(config).slice(7)]: config,
    [digestOf(layer).slice(7)]: layer,
  }
  const ran = await engine.run({
    name: `make ${label}`,
    image: "toolbox:sign",
    argv: [
      ...(["skopeo", "copy", "--preserve-digests", "--dest-oci-accept-uncompressed-layers", "dir:/in"] as const),
      "oci-archive:/out/image.tar",
    ],
    inputs: Object.fromEntries(Object.entries(files).map(([name, text]) => [`/in/${name}`, engine.file(name, text)])),
    outputs: { archive: "/out/image.tar" },
  })
  if (!ran.outputs.archive) throw new Error(ran.stderr)
  return { archive: ran.outputs.archive, digest: digestOf(manifest), bytes: manifest.length }
}

/** An SBOM of two packages. */
export const tinySbom = (label: string): string =>
  JSON.stringify({
    spdxVersion: "SPDX-2.3",
    SPDXID: "SPDXRef-DOCUMENT",
    name: label,
    creationInfo: { created: "2026-11-22T00:00:00Z", creators: ["Tool: test"] },
    documentNamespace: `urn:test:${label}`,
    packages: ["libc6", "zlib1g"].map((name) => ({ SPDXID: `SPDXRef-${name}`, name, versionInfo: "1" })),
  })

/** A record as `ship` writes it, of one gate that passed. */
export const tinyRecord = (family: string, digest: string, more: Partial<ImageRecord> = {}): ImageRecord => ({
  schema: 1,
  family,
  fingerprint: "0123456789abcdef",
  ingredients: { files: {}, pins: {}, args: {}, standsOn: {}, epoch: 1, machine: "", builder: "test" },
  digest,
  revision: "0123456789abcdef0123456789abcdef01234567",
  gateSeconds: 1,
  size: { compressed: 1, uncompressed: 2 },
  packages: 2,
  contents: contentsOf(packagesIn(tinySbom(family))),
  gates: { contract: { verdict: "PASS", seconds: 1, facts: { digest }, findings: [], brief: "1/1" } },
  seconds: 1,
  tools: { engine: "test" },
  at: "2026-11-22T12:00:00.000Z",
  ...more,
})

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`
