import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { registryAddress } from "../../cli/setup/registry.ts"
import { fairleadRoot } from "../../cli/version.ts"
import type { ShipReport } from "../../dagger/lib/release/ship.ts"
import { sha256 } from "../../dagger/lib/sha256.ts"
import { Checkout, digestIn, fairlead } from "../e2e/yard.ts"
import { RegistryProxy } from "./registry-proxy.ts"

const org = `publish-${process.pid}-${Date.now()}`
const family = "base-python"
let checkout: Checkout
let proxy: RegistryProxy

beforeAll(async () => {
  checkout = await Checkout.make()
  proxy = await RegistryProxy.open()
})
afterAll(async () => {
  await proxy.close()
  await checkout.remove()
})

const argv = () => ["ship", "--family", "base", "--json", "--registry", `${proxy.address}/${org}`]
const ship = () => fairlead(argv(), { cwd: checkout.root })
const shipped = (stdout: string) => (JSON.parse(stdout) as ShipReport).families[0]!
const tag = (name: string) => digestIn(org, family, name)

/** Another image with every layer but the last as before; its tag is another one, too. */
async function another(label: string): Promise<void> {
  await checkout.change("dockerfiles/base-python.Dockerfile", (text) =>
    text.replace(/^(?:LABEL dev\.fairlead\.test=.*\n)?USER /m, `LABEL dev.fairlead.test="${label}"\nUSER `),
  )
}

/** The tag that the next release gets. */
const nextTag = async () =>
  `${new Date().toISOString().slice(0, 10).replaceAll("-", "")}-${(await checkout.head()).slice(0, 7)}`

/** Digests of the blobs that were sent to the end. */
const sentBlobs = () =>
  proxy.passed
    .filter(({ method, path, status }) => method === "PUT" && path.includes("/blobs/uploads/") && status === 201)
    .map(({ path }) => new URL(path, "http://registry").searchParams.get("digest"))

describe("a registry that is asked too much", () => {
  it("is waited for as it says, and gets every refused body once more from its first byte", async () => {
    const refused: string[] = []
    proxy.disturb = (method, path) => {
      // Of a layer's upload each kind once: its beginning, its bytes, its end; and one manifest.
      const kind = path.includes("/blobs/uploads/") ? method : path.includes("/manifests/") && `${method} manifest`
      if (!kind || /^(?:GET|HEAD)/.test(kind) || refused.includes(kind)) return undefined
      refused.push(kind)
      return { status: 429, headers: { "retry-after": "4" } }
    }
    const { exitCode, stdout, stderr } = await ship()
    expect(exitCode, stderr).toBe(0)
    expect(refused.sort()).toEqual(["PATCH", "POST", "PUT", "PUT manifest"])
    const { digest } = shipped(stdout)
    for (const no of proxy.passed.filter(({ status }) => status === 429)) {
      const again = proxy.passed.filter(
        (each) => each.method === no.method && each.bytes === no.bytes && each.at > no.at && each.status < 300,
      )
      expect(again.length, `${no.method} of ${no.bytes} bytes`).toBeGreaterThan(0)
      if (no.bytes > 0) expect(again[0]!.at - no.at, `${no.method} ${no.path}`).toBeGreaterThanOrEqual(4000)
    }
    expect(await tag(await nextTag())).toBe(digest)
    await requireWhole(digest)
  })
})

describe("a registry that dies after the layers", () => {
  it("keeps what was released before, and the second run sends no layer again", async () => {
    const before = (await tag("current"))!
    await another("dies")
    const name = await nextTag()
    proxy.calm()
    proxy.disturb = (method, path) => (method === "PUT" && path.includes("/manifests/") ? "cut" : undefined)
    const broken = await ship()
    expect([broken.exitCode, broken.stderr]).toEqual([3, expect.stringContaining(`upload ${family}`)])
    expect(broken.stderr).toContain(`what was uploaded is kept`)
    expect(await Promise.all([name, `${name}-prev`, "current-prev"].map(tag))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(await tag("current")).toBe(before)
    const sent = sentBlobs()
    expect(sent.length).toBeGreaterThan(0)

    proxy.calm()
    const { exitCode, stdout, stderr } = await ship()
    expect(exitCode, stderr).toBe(0)
    expect(sentBlobs().filter((blob) => sent.includes(blob))).toEqual([])
    const { digest, previous } = shipped(stdout)
    expect([digest === before, previous]).toEqual([false, before])
    expect(await Promise.all([name, `${name}-prev`, "current", "current-prev"].map(tag))).toEqual([
      ...[digest, before, digest, before],
    ])
  })
})

describe("ship, killed", () => {
  it.each([
    ["between -prev and the new tag", (name: string) => name],
    ["between the new tag and what is current", () => "current"],
  ])("%s: what is released is whole, and the next run finishes", async (label, at) => {
    const before = (await tag("current"))!
    await another(label)
    const name = await nextTag()
    proxy.calm()
    const child = execa(join(fairleadRoot, "fairlead"), argv(), {
      cwd: checkout.root,
      reject: false,
      stdin: "ignore",
      detached: true,
    })
    proxy.disturb = (method, path) => {
      if (method !== "PUT" || !path.endsWith(`/manifests/${at(name)}`)) return undefined
      try {
        process.kill(-child.pid!, "SIGKILL")
      } catch {
        // It is dead already, and a step of it asks once more.
      }
      return "cut"
    }
    expect((await child).signal).toBe("SIGKILL")
    const released = await tag(name)
    expect(await tag(`${name}-prev`)).toBe(before)
    expect(await tag("current")).toBe(before)
    expect(released === undefined).toBe(at(name) === name)

    // Its last step may still be at it, until Docker has taken it down.
    proxy.calm()
    const { exitCode, stdout, stderr } = await ship()
    expect(exitCode, stderr).toBe(0)
    const { digest, previous } = shipped(stdout)
    if (released) expect(digest).toBe(released)
    expect([digest === before, previous]).toEqual([false, before])
    expect(await Promise.all([name, `${name}-prev`, "current", "current-prev"].map(tag))).toEqual([
      ...[digest, before, digest, before],
    ])
  })
})

/** Every byte of an image is in the registry itself, under the digests that its manifest names. */
async function requireWhole(digest: string): Promise<void> {
  const base = `http://${registryAddress()}/v2/${org}/${family}`
  const accept = "application/vnd.oci.image.manifest.v1+json"
  const manifest = await (await fetch(`${base}/manifests/${digest}`, { headers: { accept } })).text()
  expect(sha256(manifest)).toBe(digest)
  const { config, layers } = JSON.parse(manifest) as { config: Blob; layers: Blob[] }
  for (const blob of [config, ...layers]) {
    const bytes = Buffer.from(await (await fetch(`${base}/blobs/${blob.digest}`)).arrayBuffer())
    expect([sha256(bytes), bytes.length]).toEqual([blob.digest, blob.size])
  }
}

interface Blob {
  digest: string
  size: number
}
