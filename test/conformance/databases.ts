import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, request, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { writeLayout } from "../../cli/setup/layout.ts"

const sha256 = (content: string | Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`

/** Pushes a database into a registry by hand, as Trivy's makers publish it: one layer, of a media type of their own. */
export async function pushDatabase(registry: string, name: string, folder: string): Promise<void> {
  const layer = gzipSync(execFileSync("tar", ["-c", "-C", folder, "trivy.db", "metadata.json"]))
  const push = async (content: Buffer | string) => {
    const begun = await fetch(`${registry}/v2/${name}/blobs/uploads/`, { method: "POST" })
    const url = new URL(begun.headers.get("location")!, registry)
    url.searchParams.set("digest", sha256(content))
    const headers = { "Content-Type": "application/octet-stream" }
    const ended = await fetch(url, { method: "PUT", headers, body: new Uint8Array(Buffer.from(content)) })
    if (ended.status !== 201) throw new Error(`the registry took no blob: ${ended.status}`)
    return { digest: sha256(content), size: content.length }
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: "application/vnd.aquasec.trivy.config.v1+json", ...(await push("{}")) },
    layers: [
      {
        mediaType: "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip",
        ...(await push(layer)),
        annotations: { "org.opencontainers.image.title": "db.tar.gz" },
      },
    ],
  })
  const url = `${registry}/v2/${name}/manifests/2`
  const { status } = await fetch(url, { method: "PUT", headers: { "Content-Type": manifestType }, body: manifest })
  if (status !== 201) throw new Error(`the registry took no manifest: ${status}`)
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

/** A registry on a port of its own, in front of another one: what goes wrong on the way is the test's to say. */
export class Mirror {
  private server?: Server
  readonly seen: string[] = []
  /** Answers a request instead of the registry behind it, or leaves it be. */
  fault: (path: string, answer: ServerResponse) => boolean = () => false

  constructor(private readonly behind: string) {}

  async start(port = 0): Promise<number> {
    this.server = createServer((asked, answer) => {
      this.seen.push(`${asked.method} ${asked.url}`)
      if (this.fault(asked.url!, answer)) return
      const passed = request(
        new URL(asked.url!, this.behind),
        { method: asked.method, headers: asked.headers },
        (told) => {
          answer.writeHead(told.statusCode!, told.headers)
          told.pipe(answer)
        },
      )
      asked.pipe(passed)
    })
    await new Promise<void>((listening) => this.server!.listen(port, "127.0.0.1", listening))
    return (this.server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections()
    await new Promise((closed) => this.server?.close(closed))
  }
}

/** A small image with old software: what a package manager and pip would have left behind, in one layer. */
export async function oldImage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "old-image-"))
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, "root", path)), { recursive: true })
    writeFileSync(join(folder, "root", path), text)
  }
  put("etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
  put("etc/debian_version", "12.1\n")
  put(
    "var/lib/dpkg/status",
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9+deb12u2\nMaintainer: x\n\n" +
      "Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2024a-0+deb12u1\nMaintainer: x\n\n",
  )
  for (const [name, version] of [
    ["requests", "2.19.0"],
    ["PyYAML", "5.3"],
    ["ruamel.yaml", "0.16.7"],
    ["certifi", "2024.7.4"],
  ]) {
    const info = `opt/venv/lib/python3.11/site-packages/${name}-${version}.dist-info`
    put(`${info}/METADATA`, `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`)
  }
  execFileSync("tar", ["-cf", join(folder, "root.tar"), "--numeric-owner", "-C", join(folder, "root"), "."])
  await writeLayout(join(folder, "root.tar"), join(folder, "layout"), 1_763_769_600)
  return join(folder, "layout")
}

export const textOf = (path: string): string => readFileSync(path, "utf8")
