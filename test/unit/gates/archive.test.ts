import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Engine, Ran, Step } from "../../../dagger/lib/engine/engine.ts"
import { lookAtArchive } from "../../../dagger/lib/gates/archive.ts"
import { CouldNotLook } from "../../../dagger/lib/gates/verdict.ts"
import { noPython, runProbe } from "./python.ts"

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex")

const plain = "hello layer\n".repeat(200)
// `zstd -19` of the same text: Node 20 cannot make it.
const zstd = Buffer.from("KLUv/QRonQAAYGhlbGxvIGxheWVyCgEAUblfkrRbLCs=", "base64")

const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
}

interface Layer {
  kind: "gzip" | "zstd"
  bytes: Buffer
  /** The size that the manifest tells, where it lies. */
  told?: number
}

interface Made {
  path: string
  digest: string
}

describe.skipIf(noPython)("an archive", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-archive-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  let count = 0

  /** An OCI archive made for real; `nested` puts the manifest behind a second index, as `docker save` does. */
  function make(
    layers: Layer[],
    other: { config?: object; nested?: boolean; diffIds?: string[]; index?: object[] } = {},
  ): Made {
    const root = join(folder, `${++count}`)
    mkdirSync(join(root, "blobs/sha256"), { recursive: true })
    const add = (mediaType: string, data: Buffer | string) => {
      writeFileSync(join(root, "blobs/sha256", sha256(data)), data)
      return { mediaType, digest: `sha256:${sha256(data)}`, size: Buffer.byteLength(data) }
    }
    const config = add(
      mediaTypes.config,
      JSON.stringify({
        os: "linux",
        architecture: "amd64",
        config: { User: "10001:10001", Env: ["PATH=/opt/venv/bin", "HF_TOKEN=hf_secret", "EMPTY_TOKEN="] },
        rootfs: { type: "layers", diff_ids: other.diffIds ?? layers.map(() => `sha256:${sha256(plain)}`) },
        history: [
          { created_by: "/bin/sh -c #(nop) ADD file:abc in / " },
          { created_by: "ENV A=b", empty_layer: true },
          { created_by: "RUN apt-get   install python3 # buildkit" },
        ].slice(layers.length > 1 ? 0 : 2),
        ...other.config,
      }),
    )
    const told = layers.map(({ kind, bytes, told }) => ({
      ...add(mediaTypes[kind], bytes),
      ...(told === undefined ? {} : { size: told }),
    }))
    const manifest = add(
      mediaTypes.manifest,
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: told }),
    )
    const attestation = {
      ...manifest,
      digest: `sha256:${"0".repeat(64)}`,
      platform: { os: "unknown", architecture: "unknown" },
    }
    const inner = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [manifest, attestation] })
    const manifests = other.index ?? [other.nested ? add(mediaTypes.index, inner) : manifest]
    writeFileSync(join(root, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }))
    const path = join(folder, `${count}.tar`)
    execFileSync("tar", ["--create", `--file=${path}`, `--directory=${root}`, "blobs", "index.json"])
    return { path, digest: manifest.digest }
  }

  /** Runs the step's probe for real, on this machine's own Python. */
  const engineFor = ({ path }: Made, change: (ran: Ran) => Ran = (ran) => ran) =>
    ({
      run: async ({ argv }: Step) =>
        change(
          await runProbe("archive_probe.py", ...argv.slice(4).map((each) => (each === "/in/image.tar" ? path : each))),
        ),
      file: (name: string) => ({ kind: "file", name, handle: name }),
    }) as unknown as Engine

  const look = (
    made: Made,
    {
      digest = made.digest,
      change,
      uncompressed = true,
    }: { digest?: string; change?: (ran: Ran) => Ran; uncompressed?: boolean } = {},
  ) =>
    lookAtArchive(
      { family: "family-web", archive: { kind: "file", name: "image.tar", handle: made.path }, digest },
      engineFor(made, change),
      { uncompressed },
    )

  const gzip: Layer = { kind: "gzip", bytes: gzipSync(plain) }
  let good: Made
  beforeAll(() => {
    good = make([gzip, { kind: "zstd", bytes: zstd }])
  })

  it("is read from outside: config, layers, their sizes and the line that made each", async () => {
    const seen = await look(good)
    expect(seen.config).toEqual({
      platform: "linux/amd64",
      user: "10001:10001",
      entrypoint: [],
      command: [],
      env: { PATH: "/opt/venv/bin", HF_TOKEN: "(not shown)", EMPTY_TOKEN: "" },
      labels: {},
      ports: [],
      stopSignal: "",
    })
    expect(seen.layers.map(({ compressed, uncompressed, madeBy }) => [compressed, uncompressed, madeBy])).toEqual([
      [gzip.bytes.length, plain.length, "ADD file:abc in /"],
      [zstd.length, plain.length, "RUN apt-get install python3"],
    ])
  })

  it("counts layers only when it is asked to", async () => {
    expect((await look(good, { uncompressed: false })).layers.map(({ uncompressed }) => uncompressed)).toEqual([
      null,
      null,
    ])
  })

  it("is read behind a second index, and attestations are no images", async () => {
    expect((await look(make([gzip], { nested: true }))).layers).toHaveLength(1)
  })

  it("counts a gzip layer of several members", async () => {
    const twice = Buffer.concat([gzipSync(plain.slice(0, 1000)), gzipSync(plain.slice(1000))])
    expect((await look(make([{ kind: "gzip", bytes: twice }]))).layers[0]!.uncompressed).toBe(plain.length)
  })

  const refused = async (made: Made, why: RegExp, more: Parameters<typeof look>[1] = {}) => {
    const error = await look(made, more).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(CouldNotLook)
    expect((error as Error).message).toMatch(why)
  }

  it("is refused when it holds another image, and both digests are named", async () => {
    const digest = `sha256:${"e".repeat(64)}`
    await refused(good, new RegExp(`report about another image: ${good.digest} instead of ${digest}`), { digest })
  })

  it("is refused when the report was changed on its way", async () => {
    const change = (ran: Ran) => ({
      ...ran,
      stdout: ran.stdout.replace("vnd.oci.image.manifest.v1", "vnd.oci.image.manifest.v2"),
    })
    await refused(good, /report about another image/, { change })
    await refused(good, /the config is not the manifest's/, {
      change: (ran) => ({ ...ran, stdout: ran.stdout.replaceAll("10001:10001", "10002:10002") }),
    })
  })

  it("is refused when a layer is cut, damaged, missing or another one", async () => {
    const cut = { kind: "gzip", bytes: gzip.bytes.subarray(0, -12) } as const
    await refused(make([cut]), /a gzip layer ends in the middle/)
    await refused(make([{ kind: "zstd", bytes: zstd.subarray(0, -3) }]), /a zstd layer ends in the middle/)
    const damaged = Buffer.from(zstd)
    damaged[8]! ^= 0xff
    await refused(
      make([{ kind: "zstd", bytes: damaged }]),
      /a zstd layer is damaged|does not unpack to what the config says/,
    )
    await refused(make([{ ...gzip, told: 5 }]), /the manifest says 5/)
    await refused(make([gzip], { diffIds: [`sha256:${"f".repeat(64)}`] }), /does not unpack to what the config says/)
  })

  it("is refused when it is empty, cut or no archive", async () => {
    await refused(make([gzip], { index: [] }), /report about another image: none at all/)
    const broken = { ...good, path: join(folder, "broken.tar") }
    writeFileSync(broken.path, "not a tar")
    await refused(broken, /the archive cannot be read/)
  })

  it("is refused when its names lead somewhere else", async () => {
    const index = [{ mediaType: mediaTypes.manifest, digest: "sha256:../../../../etc/passwd", size: 1 }]
    await refused(make([gzip], { index }), /not a sha256 digest/)
  })
})
