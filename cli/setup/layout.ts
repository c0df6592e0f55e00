import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { mkdir, rename, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Problem } from "../../dagger/lib/problem.ts"
import { sha256 } from "../../dagger/lib/sha256.ts"
import { settledTar } from "./tar.ts"

/** A blob of an OCI layout. Source: OCI image specification, descriptor.md. */
export interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

export interface LayoutText {
  /** The image manifest's digest. */
  digest: string
  /** path -> text of every file but the layer. */
  files: Record<string, string>
}

const oci = "application/vnd.oci.image"

/** The OCI layout of an image with one layer; the same bytes for the same arguments. */
export function layoutText(layer: Descriptor, diffId: string, epoch: number): LayoutText {
  const created = new Date(epoch * 1000).toISOString().replace(".000Z", "Z")
  const config = blob(`${oci}.config.v1+json`, {
    created,
    architecture: "amd64",
    os: "linux",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["bash"] },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: "mmdebstrap" }],
  })
  const mediaType = `${oci}.manifest.v1+json`
  const manifest = blob(mediaType, { schemaVersion: 2, mediaType, config: config.descriptor, layers: [layer] })
  const platform = { architecture: "amd64", os: "linux" }
  const index = {
    schemaVersion: 2,
    mediaType: `${oci}.index.v1+json`,
    manifests: [{ ...manifest.descriptor, platform }],
  }
  return {
    digest: manifest.descriptor.digest,
    files: {
      [blobPath(config.descriptor.digest)]: config.text,
      [blobPath(manifest.descriptor.digest)]: manifest.text,
      "index.json": JSON.stringify(index),
      "oci-layout": JSON.stringify({ imageLayoutVersion: "1.0.0" }),
      // What `docker load` reads where Docker keeps images in its own store and not in containerd's.
      "manifest.json": JSON.stringify([
        { Config: blobPath(config.descriptor.digest), RepoTags: null, Layers: [blobPath(layer.digest)] },
      ]),
    },
  }
}

function blob(mediaType: string, content: object): { text: string; descriptor: Descriptor } {
  const text = JSON.stringify(content)
  const digest = sha256(text)
  return { text, descriptor: { mediaType, digest, size: Buffer.byteLength(text) } }
}

const blobPath = (digest: string): string => `blobs/${digest.replace(":", "/")}`

/** Writes a tar file as an OCI layout into an empty folder. Answers the manifest's digest and the layer's size. */
export async function writeLayout(
  tar: string,
  folder: string,
  epoch: number,
): Promise<{ digest: string; bytes: number }> {
  await mkdir(join(folder, "blobs/sha256"), { recursive: true })
  const { layer, diffId, file } = await compressed(tar, join(folder, "blobs"))
  await rename(file, join(folder, blobPath(layer.digest)))
  const { digest, files } = layoutText(layer, diffId, epoch)
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text)
  return { digest, bytes: layer.size }
}

/** By gzip itself: Node's own zlib writes other bytes from one processor and version to the next. */
async function compressed(tar: string, folder: string): Promise<{ layer: Descriptor; diffId: string; file: string }> {
  const file = join(folder, "layer.new")
  const gzip = spawn("gzip", ["-6", "--no-name", "--stdout"], { stdio: ["pipe", "pipe", "inherit"] })
  const ended = new Promise<void>((done, failed) => {
    gzip.on("error", (error) => failed(new Problem("gzip did not start", { why: error.message, fix: "install gzip" })))
    gzip.on("close", (code) => (code === 0 ? done() : failed(new Problem("gzip failed", { why: `it exited ${code}` }))))
  })
  const [raw, packed] = [hashing(), hashing()]
  await Promise.all([
    ended,
    pipeline(createReadStream(tar), settledTar(), raw.stream, gzip.stdin),
    pipeline(gzip.stdout, packed.stream, createWriteStream(file)),
  ])
  const { size } = await stat(file)
  return { layer: { mediaType: `${oci}.layer.v1.tar+gzip`, digest: packed.digest(), size }, diffId: raw.digest(), file }
}

function hashing(): { stream: Transform; digest: () => string } {
  const hash = createHash("sha256")
  const stream = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  return { stream, digest: () => `sha256:${hash.digest("hex")}` }
}
