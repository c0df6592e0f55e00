import { cp, mkdtemp, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { registryAddress } from "../../cli/setup/registry.ts"
import { toolboxImage } from "../../cli/setup/toolbox.ts"
import { inHome } from "../../cli/state.ts"
import { requirePublicKey } from "../../dagger/lib/attest/key.ts"
import { withTrusted } from "../../dagger/lib/fleet/trusted.ts"
import { Checkout, digestIn, fairlead, ship, tagsIn } from "./yard.ts"

const org = `records-${process.pid}-${Date.now()}`
const at = (more = "") => `${registryAddress()}/${org}${more}`
let checkout: Checkout
let keys: string

beforeAll(async () => {
  checkout = await Checkout.make()
  keys = await mkdtemp(join(tmpdir(), "keys-"))
})
afterAll(async () => {
  await checkout.remove()
  await rm(keys, { recursive: true, force: true })
})

const verify = async (ref: string, options: { cwd?: string; env?: Record<string, string> } = {}) => {
  const told = await fairlead(["verify", "--json", ref], { cwd: checkout.root, ...options })
  return { ...told, json: told.stdout.startsWith("{") ? JSON.parse(told.stdout) : undefined }
}

describe("a release", () => {
  it("carries a record and an SBOM that verify accepts, once", async () => {
    const { exitCode, report } = await ship(checkout, org, "--family", "base")
    expect([exitCode, report.notes?.[0]]).toEqual([0, expect.stringContaining("fairlead key trust")])
    const { digest, ref } = report.families[0]!
    const told = await verify(ref!)
    expect([told.exitCode, told.json]).toMatchObject([
      0,
      { good: true, digest, sbom: "signed", signedBy: report.signedBy },
    ])
    expect(told.json.record.tools).toMatchObject({ engine: expect.any(String), syft: expect.any(String) })
    const attached = await attachedTo(digest)
    await ship(checkout, org, "--family", "base")
    expect(await attachedTo(digest)).toEqual(attached)
    expect(attached).toHaveLength(2)
    const { mode } = await stat(inHome("keys", "cosign.key"))
    expect(mode & 0o777).toBe(0o600)
  })

  it("that was published before there were records gets them, the SBOM out of the image", async () => {
    const other = `${org}-unsigned`
    const { report } = await ship(checkout, org, "--family", "base")
    const { digest } = report.families[0]!
    const tags = (await tagsIn(org, "base-python")).filter((tag) => !tag.startsWith("sha256-"))
    await copied({ from: org, to: other, family: "base-python", tags })
    const home = (name: string) => inHome("records", registryAddress().replaceAll(":", "_"), name)
    await cp(join(home(org), "base-python"), join(home(other), "base-python"), {
      recursive: true,
      // Nor is there a word of what was attached when it was released.
      filter: (path) => !/\/(signed|releases\.jsonl)/.test(path),
    })
    expect((await verify(`${registryAddress()}/${other}/base-python@${digest}`)).exitCode).toBe(1)
    const again = await ship(checkout, other, "--family", "base")
    expect(again.report.families[0]).toMatchObject({ reused: true, digest })
    const told = await verify(`${registryAddress()}/${other}/base-python@${digest}`)
    expect([told.exitCode, told.json.sbom]).toEqual([0, "signed"])
  })
})

describe("a fleet that names its keys", () => {
  const password = "correct horse"
  const env = () => ({ FAIRLEAD_SIGNING_KEY: join(keys, "named.key"), COSIGN_PASSWORD: password })
  let own: Checkout

  beforeAll(async () => {
    own = await Checkout.make()
    const made = ["run", "--rm", "--network", "none", "--mount", `type=bind,src=${keys},dst=/keys`]
    const cosign = ["--env", "COSIGN_PASSWORD", "--entrypoint", "cosign", await toolboxImage("sign")]
    await execa("docker", [...made, ...cosign, "generate-key-pair", "--output-key-prefix", "/keys/named"], {
      env: { COSIGN_PASSWORD: password },
    })
    const pub = requirePublicKey(await readFile(join(keys, "named.pub"), "utf8"), "named.pub")
    await rm(join(keys, "named.pub"))
    await own.change("fleet.yaml", (text) => withTrusted(text, pub, "the test's"))
  })
  afterAll(() => own.remove())

  it("refuses another key before anything is built, and says how it becomes trusted", async () => {
    const told = await fairlead(["ship", "--family", "base", "--registry", at("-named")], { cwd: own.root })
    expect([told.exitCode, told.stderr]).toEqual([3, expect.stringContaining("fairlead key trust")])
    expect(await tagsIn(`${org}-named`, "base-python")).toEqual([])
  })

  it("takes a named key with a password, whose private half and password are shown nowhere", async () => {
    const argv = ["ship", "--verbose", "--json", "--family", "base", "--registry", at("-named")]
    const told = await fairlead(argv, { cwd: own.root, env: env() })
    expect(told.exitCode).toBe(0)
    const secret = (await readFile(join(keys, "named.key"), "utf8")).split("\n")[1]!
    for (const text of [told.stdout, told.stderr])
      expect([text.includes(secret), text.includes(password)]).toEqual([false, false])
    const ref = JSON.parse(told.stdout).families[0].ref
    const good = await verify(ref, { cwd: own.root })
    expect([good.exitCode, good.json.trusted]).toEqual([0, "policy.signing.keys in fleet.yaml"])
    // To who trusts this machine's own key only, it is a stranger's.
    const stranger = await verify(ref)
    expect([stranger.exitCode, stranger.json.problems[0]]).toEqual([1, expect.stringContaining("another key")])
  })

  it("is told that a password is missing", async () => {
    const told = await fairlead(["ship", "--family", "base", "--registry", at("-named")], {
      cwd: own.root,
      env: { ...env(), COSIGN_PASSWORD: "" },
    })
    expect([told.exitCode, told.stderr]).toEqual([3, expect.stringContaining("COSIGN_PASSWORD")])
  })

  it("trusts this machine's key after `key trust`, and nothing else in fleet.yaml changes", async () => {
    const before = await readFile(join(own.root, "fleet.yaml"), "utf8")
    expect((await fairlead(["key", "trust"], { cwd: own.root })).exitCode).toBe(0)
    expect(JSON.parse((await fairlead(["key", "--json"], { cwd: own.root })).stdout)).toMatchObject({ trusted: true })
    const after = await readFile(join(own.root, "fleet.yaml"), "utf8")
    expect(after.split("\n").length).toBe(before.split("\n").length + 1)
  })
})

describe("a registry that others pull from", () => {
  it("is refused as long as nobody could check what comes from here", async () => {
    const argv = ["ship", "--family", "base", "--registry", "registry.invalid/x"]
    const told = await fairlead(argv, { cwd: checkout.root })
    expect([told.exitCode, told.stderr]).toEqual([3, expect.stringContaining("fairlead key trust")])
  })
})

describe("verify", () => {
  it.each([
    ["a tag that is not there", () => at("/base-python:never"), 1],
    ["a registry that does not answer", () => "127.0.0.1:9/x/base-python:1", 3],
    ["what is no reference", () => "x/$(id)", 2],
  ])("of %s", async (_, ref, exitCode) => {
    expect((await verify(ref())).exitCode).toBe(exitCode)
  })
})

/** What the registry itself says is attached. */
async function attachedTo(digest: string): Promise<string[]> {
  const accept = "application/vnd.oci.image.index.v1+json"
  const tag = digest.replace(":", "-")
  const url = `http://${registryAddress()}/v2/${org}/base-python/manifests/${tag}`
  const answer = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(60_000) })
  return ((await answer.json()) as { manifests: { digest: string }[] }).manifests.map((each) => each.digest)
}

/** Tags of a repository in another one, without what is attached: blobs mounted, manifests put again. */
async function copied(what: { from: string; to: string; family: string; tags: string[] }): Promise<void> {
  const { from, to, family, tags } = what
  const base = (name: string) => `http://${registryAddress()}/v2/${name}/${family}`
  const type = "application/vnd.oci.image.manifest.v1+json"
  for (const tag of tags) {
    const digest = await digestIn(from, family, tag)
    const manifest = await (await fetch(`${base(from)}/manifests/${digest}`, { headers: { accept: type } })).text()
    const { config, layers } = JSON.parse(manifest) as { config: { digest: string }; layers: { digest: string }[] }
    for (const each of [config, ...layers])
      await fetch(`${base(to)}/blobs/uploads/?mount=${each.digest}&from=${from}/${family}`, { method: "POST" })
    const put = await fetch(`${base(to)}/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": type },
      body: manifest,
    })
    expect(put.status).toBe(201)
  }
}
