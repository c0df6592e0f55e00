import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { sha256 } from "../../dagger/lib/sha256.ts"

/** A list of what hangs on an image. */
export const listed = (manifests: unknown[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests })

interface Odd {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** A registry that keeps manifests and blobs in memory, and does what a test wants of it before it answers. */
export class Manifests {
  asked: string[] = []
  odd: (request: IncomingMessage, response: ServerResponse) => Odd | undefined = () => undefined
  private readonly kept = new Map<string, { text: string; type: string }>()
  private constructor(private readonly server: Server) {}

  static async serve(): Promise<Manifests> {
    const server = createServer((request, response) => void manifests.answer(request, response))
    const manifests = new Manifests(server)
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    return manifests
  }

  get port(): number {
    const at = this.server.address()
    return typeof at === "object" && at ? at.port : 0
  }
  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  add = (family: string, text: string) => this.tag(family, sha256(text), text)
  tag = (family: string, name: string, text: string) =>
    this.kept.set(`/v2/small/${family}/manifests/${name}`, { text, type: JSON.parse(text).mediaType })
  blob = (family: string, text: string) =>
    this.kept.set(`/v2/small/${family}/blobs/${sha256(text)}`, { text, type: "application/octet-stream" })
  tags = () =>
    [...this.kept.keys()]
      .map((path) => path.replace(/^\/v2\/small\/(\w+)\/\w+\//, "$1:"))
      .filter((name) => !name.includes("sha256"))
      .sort()

  close(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise((closed) => this.server.close(() => closed()))
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { status, headers = {}, body = "" } = this.odd(request, response) ?? this.plainly(request, text)
    if (!response.destroyed) response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body)
  }

  private plainly({ method, url = "", headers }: IncomingMessage, text: string): Odd {
    const { pathname, searchParams } = new URL(url, "http://registry")
    if (pathname === "/v2/") return { status: 200 }
    if (method === "POST") return { status: 202, headers: { location: `${pathname}upload` } }
    if (method === "PUT") {
      const path = searchParams.has("digest")
        ? pathname.replace("uploads/upload", searchParams.get("digest")!)
        : pathname
      const kept = { text, type: headers["content-type"] ?? "" }
      this.kept.set(path, kept)
      this.kept.set(path.replace(/[^/]+$/, sha256(text)), kept)
      return { status: 201, headers: { "docker-content-digest": sha256(text) } }
    }
    const found = this.kept.get(pathname)
    if (!found) return { status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}' }
    const about = { "content-type": found.type, "content-length": String(Buffer.byteLength(found.text)) }
    return { status: 200, headers: { ...about, "docker-content-digest": sha256(found.text) }, body: found.text }
  }
}
