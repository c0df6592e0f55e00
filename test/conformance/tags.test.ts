import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { described } from "../../dagger/lib/attest/artifact.ts"
import { Referrers, tagOf } from "../../dagger/lib/attest/referrers.ts"
import { digestsOf } from "../../dagger/lib/release/digests.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { sha256 } from "../../dagger/lib/sha256.ts"
import { candidates } from "./engines.ts"
import { listed, Manifests } from "./manifests.ts"

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
