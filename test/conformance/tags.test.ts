import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { described } from "../../dagger/lib/attest/artifact.ts"
import { Referrers, tagOf } from "../../dagger/lib/attest/referrers.ts"
import { digestsOf } from "../../dagger/lib/release/digests.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { sha256 } from "../../dagger/lib/sha256.ts"
import { candidates } from "./engines.ts"

const type = "application/vnd.oci.image.manifest.v1+json"
const [web, plain] = ["web", "plain"].map((name) => JSON.stringify({ schemaVersion: 2, mediaType: type, name })) as [
  string,
  string,
]

describe.each(candidates)("tags on $name", ({ skip, open }) => {
  const cases = skip ? it.skip : it
  let opened: OpenEngine
  let there: Manifests
  let registry: Registry

  beforeAll(async () => {
    if (!skip) opened = await open()
  })
  afterAll(() => opened?.close())
  beforeEach(async () => {
    there = await Manifests.serve()
    if (!skip) registry = new Registry(opened.engine, { host: there.host, org: "small" })
    there.add("web", web)
    there.add("plain", plain)
  })
  afterEach(() => there.close())

  const images = () => [
    {
      family: "web",
      tags: [
        { tag: "1", digest: sha256(web), check: true },
        { tag: "current", digest: sha256(web) },
      ],
    },
    { family: "plain", tags: [{ tag: "1", digest: sha256(plain), check: true }] },
  ]

  cases("are asked for with one request each, in the order asked for", async () => {
    there.tag("web", "1", web)
    there.tag("plain", "1", plain)
    const names = [
      { family: "plain", tag: "1" },
      { family: "nobody", tag: "1" },
      { family: "web", tag: "1" },
      { family: "web", tag: "2" },
    ]
    expect(await digestsOf(registry, names)).toEqual([sha256(plain), undefined, sha256(web), undefined])
    expect(there.asked).toHaveLength(names.length)
  })

  cases("are set one after the other for each image, and compared where that is asked for", async () => {
    await registry.tag(...images())
    expect(there.tags()).toEqual(["plain:1", "web:1", "web:current"])
    // Read once, written, and asked for.
    expect(there.asked.filter((each) => each.includes("/web/")).map((each) => each.split(" ")[0])).toEqual([
      ...["GET", "PUT", "HEAD", "PUT"],
    ])
    expect(there.asked.at(-1)).toMatch(/^(PUT|HEAD) /)
  })

  cases("stop at one that leads to another image afterwards, and no other image stops", async () => {
    there.odd = ({ method, url }) => {
      if (method === "HEAD" && url === "/v2/small/web/manifests/1") there.tag("web", "1", plain)
      return undefined
    }
    await expect(registry.tag(...images())).rejects.toThrow(`web:1 is ${sha256(plain)}, not ${sha256(web)}`)
    expect(there.tags()).toEqual(["plain:1", "web:1"])
  })

  cases("wait for a registry that is asked too much, as long as it says", async () => {
    let busy = 2
    there.odd = ({ method }) =>
      method === "PUT" && busy-- > 0 ? { status: 429, headers: { "retry-after": "1" } } : undefined
    await registry.tag(...images())
    expect(there.tags()).toEqual(["plain:1", "web:1", "web:current"])
  })

  cases("are asked for again where a connection is cut off", async () => {
    let cut = 1
    there.odd = (_, response) => {
      if (cut-- > 0) response.socket?.destroy()
      return undefined
    }
    there.tag("web", "1", web)
    expect(await digestsOf(registry, [{ family: "web", tag: "1" }])).toEqual([sha256(web)])
  })

  cases("are not set to bytes that are not those of the digest", async () => {
    there.tag("web", sha256(web), plain)
    await expect(registry.tag(...images().slice(0, 1))).rejects.toMatchObject({ exitCode: 3 })
    expect(there.tags()).toEqual([])
  })

  cases("say so where they cannot be asked for or set", async () => {
    there.odd = () => ({ status: 403, body: '{"errors":[{"code":"DENIED","message":"not yours"}]}' })
    await expect(registry.tag(...images())).rejects.toThrow(/not yours[\s\S]*docker login/i)
    await expect(digestsOf(registry, [{ family: "web", tag: "1" }])).rejects.toMatchObject({ exitCode: 3 })
    await expect(registry.manifest("web", "1")).rejects.toMatchObject({ exitCode: 3 })
  })

  cases("come with credentials, which no error shows", async () => {
    const basic = Buffer.from("me:hunter2").toString("base64")
    const auth = opened.secretText(
      "registry-auth",
      JSON.stringify({ auths: { [`registry:${there.port}`]: { auth: basic } } }),
    )
    there.odd = ({ headers }) =>
      headers.authorization === `Basic ${basic}`
        ? undefined
        : { status: 401, headers: { "www-authenticate": 'Basic realm="here"' } }
    await new Registry(opened.engine, registry.address, auth).tag(...images())
    expect(there.tags()).toEqual(["plain:1", "web:1", "web:current"])
    const wrong = opened.secretText(
      "wrong-auth",
      JSON.stringify({ auths: { [`registry:${there.port}`]: { auth: Buffer.from("me:hunter3").toString("base64") } } }),
    )
    const refused = new Registry(opened.engine, registry.address, wrong).tag(...images())
    await expect(refused).rejects.toThrow(/401|unauthorized/i)
    await expect(refused).rejects.not.toThrow("hunter3")
  })

  cases("lead to what was attached, and what others wrote into the list meanwhile stays", async () => {
    const list = tagOf(sha256(web))
    const others = listed([{ ...described("{}"), annotations: { by: "another" } }])
    let asked = 0
    there.odd = ({ method, url }) => {
      // Another machine's list, between reading it and writing it.
      if (method === "PUT" && url?.endsWith(`/manifests/${list}`) && asked++ === 0) there.tag("web", list, others)
      return undefined
    }
    const bundle = '{"a":"bundle"}'
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: type, config: blob("{}"), layers: [blob(bundle)] })
    await new Referrers(registry).attach("web", sha256(web), [{ bundle, manifest, descriptor: described(manifest) }])
    const now = JSON.parse((await registry.manifest("web", list))!)
    expect(now.manifests.map(({ digest }: { digest: string }) => digest)).toContain(sha256(manifest))
    expect(await registry.manifest("web", sha256(manifest))).toBe(manifest)
    there.tag("web", list, others)
    await new Referrers(registry).attach("web", sha256(web), [{ bundle, manifest, descriptor: described(manifest) }])
    const both = JSON.parse((await registry.manifest("web", list))!).manifests
    expect(both).toEqual([{ ...described("{}"), annotations: { by: "another" } }, described(manifest)])
  })
})

const blob = (text: string) => ({ ...described(text), mediaType: "application/json" })
const listed = (manifests: unknown[]) =>
  JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests })

interface Odd {
  status: number
  headers?: Record<string, string>
  body?: string
}

/** A registry that keeps manifests and blobs in memory, and does what a test wants of it before it answers. */
class Manifests {
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
