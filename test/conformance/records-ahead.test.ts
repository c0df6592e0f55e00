import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { annotation, attached, described, empty } from "../../dagger/lib/attest/artifact.ts"
import { Referrers, tagOf } from "../../dagger/lib/attest/referrers.ts"
import { recordType, sbomType } from "../../dagger/lib/attest/statement.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { sha256 } from "../../dagger/lib/sha256.ts"
import { candidates } from "./engines.ts"
import { listed, Manifests } from "./manifests.ts"

const [web, plain] = ["web", "plain"].map((name) =>
  JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", name }),
) as [string, string]
const both = [
  { family: "web", digest: sha256(web) },
  { family: "plain", digest: sha256(plain) },
]

describe.each(candidates)("what hangs on images, fetched ahead on $name", ({ skip, open }) => {
  const cases = skip ? it.skip : it
  let opened: OpenEngine
  let there: Manifests
  let registry: Registry
  let referrers: Referrers

  beforeAll(async () => {
    if (!skip) opened = await open()
  })
  afterAll(() => opened?.close())
  beforeEach(async () => {
    there = await Manifests.serve()
    if (skip) return
    registry = new Registry(opened.engine, { host: there.host, org: "small" })
    referrers = new Referrers(registry)
  })
  afterEach(() => there.close())

  /** Hangs bundles on an image, as its list names them: of a type, one a day. */
  const hang = (family: string, image: string, ...all: { bundle: string; type?: string; day?: number }[]) => {
    const entries = all.map(({ bundle, type: about = recordType, day = 1 }) => {
      const [size, created] = [Buffer.byteLength(image), `2026-11-${10 + day}T00:00:00.000Z`]
      const whole = attached(bundle, {
        image: { digest: sha256(image), size },
        type: about,
        statement: bundle,
        created,
      })
      there.add(family, whole.manifest)
      for (const each of [bundle, empty.text]) there.blob(family, each)
      return whole.descriptor
    })
    there.tag(family, tagOf(sha256(image)), listed(entries))
    return entries.map(({ digest }) => digest)
  }

  cases("is records and SBOMs of many images, with two requests for each and one for a list", async () => {
    const [record, sbom] = hang("web", web, { bundle: '{"a":"record"}' }, { bundle: '{"an":"sbom"}', type: sbomType })
    await referrers.fetchAhead(both)
    expect(there.asked.sort()).toEqual(
      [
        ...["web", "plain"].map((name) => `${name}/manifests/${tagOf(sha256(name === "web" ? web : plain))}`),
        ...[record, sbom].map((digest) => `web/manifests/${digest}`),
        ...['{"a":"record"}', '{"an":"sbom"}'].map((bundle) => `web/blobs/${sha256(bundle)}`),
      ]
        .map((path) => `GET /v2/small/${path}`)
        .sort(),
    )
    expect((await referrers.list("web", sha256(web)))?.manifests).toHaveLength(2)
    expect(await referrers.list("plain", sha256(plain))).toBeUndefined()
    expect(await referrers.fetch("web", record!)).toBe('{"a":"record"}')
    expect(await referrers.fetch("web", sbom!)).toBe('{"an":"sbom"}')
    expect(there.asked).toHaveLength(6)
  })

  cases("is the newest few of many records, and nothing that is no bundle", async () => {
    const days = [2, 5, 1, 4, 3, 6]
    const all = hang("web", web, ...days.map((day) => ({ bundle: `{"day":${day}}`, day })), {
      bundle: "{}",
      type: "other",
    })
    const odd = {
      ...described(plain),
      artifactType: "application/x",
      annotations: { [annotation.predicateType]: recordType },
    }
    const about = { image: { digest: sha256(plain), size: 1 }, type: recordType, statement: "", created: "2026" }
    const huge = attached("{}", about)
    const manifest = huge.manifest.replace(/"size":2\}\],"subject"/, `"size":${65 * 1024 * 1024}}],"subject"`)
    const large = { ...huge.descriptor, ...described(manifest) }
    for (const each of [plain, manifest]) there.add("plain", each)
    there.tag("plain", tagOf(sha256(plain)), listed([odd, large]))
    await referrers.fetchAhead(both)
    expect(there.asked.filter((each) => each.includes("/web/manifests/sha256:"))).toHaveLength(3)
    expect(there.asked.filter((each) => each.includes("/plain/")).map((each) => each.split("/").at(-1))).toEqual([
      ...[tagOf(sha256(plain)), large.digest],
    ])
    const before = there.asked.length
    for (const day of [6, 5, 4]) expect(await referrers.fetch("web", all[days.indexOf(day)]!)).toBe(`{"day":${day}}`)
    expect(there.asked).toHaveLength(before)
    // An older one is asked for alone.
    expect(await referrers.fetch("web", all[days.indexOf(1)]!)).toBe('{"day":1}')
    await expect(referrers.fetch("plain", odd.digest)).rejects.toThrow("it is no signed statement")
    await expect(referrers.fetch("plain", large.digest)).rejects.toThrow(/it has 68157440 bytes, at most/)
  })

  cases("comes although a connection is cut off, but for bytes that are another digest's", async () => {
    const [record] = hang("web", web, { bundle: '{"a":"record"}' })
    const [forged] = hang("plain", plain, { bundle: '{"forged":"no"}' })
    there.tag("plain", forged!, web)
    let cut = 1
    there.odd = (_, response) => {
      if (cut-- > 0) response.socket?.destroy()
      return undefined
    }
    await referrers.fetchAhead(both)
    const before = there.asked.length
    expect(await referrers.fetch("web", record!)).toBe('{"a":"record"}')
    expect(there.asked).toHaveLength(before)
    await expect(referrers.fetch("plain", forged!)).rejects.toThrow()
    expect(there.asked.length).toBeGreaterThan(before)
  })

  cases("comes of one image though the registry refuses to tell of another", async () => {
    const [record] = hang("web", web, { bundle: '{"a":"record"}' })
    there.odd = ({ url }) =>
      url?.includes("/plain/")
        ? { status: 403, body: '{"errors":[{"code":"DENIED","message":"not yours"}]}' }
        : undefined
    await referrers.fetchAhead(both)
    expect(await referrers.fetch("web", record!)).toBe('{"a":"record"}')
    await expect(referrers.list("plain", sha256(plain))).rejects.toThrow(/not yours/i)
  })

  cases("comes with credentials, and without the right ones a list says so when it is wanted", async () => {
    const [record] = hang("web", web, { bundle: '{"a":"record"}' })
    there.odd = ({ headers }) =>
      headers.authorization === `Basic ${basic("me:hunter2")}`
        ? undefined
        : { status: 401, headers: { "www-authenticate": 'Basic realm="here"' } }
    const logged = (word: string) => {
      const auths = { [`registry:${there.port}`]: { auth: basic(word) } }
      const secret = opened.secretText(`auth-${word.length}`, JSON.stringify({ auths }))
      return new Referrers(new Registry(opened.engine, registry.address, secret))
    }
    const right = logged("me:hunter2")
    await right.fetchAhead(both)
    const before = there.asked.length
    expect(await right.fetch("web", record!)).toBe('{"a":"record"}')
    expect(there.asked).toHaveLength(before)
    const wrong = logged("me:hunter33")
    await wrong.fetchAhead(both)
    await expect(wrong.list("web", sha256(web))).rejects.toThrow(/401|unauthorized/i)
  })
})

const basic = (words: string) => Buffer.from(words).toString("base64")
