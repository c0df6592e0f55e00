import { mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ownKeyPath } from "../../cli/keys.ts"
import { registryAddress, registryContainer } from "../../cli/setup/registry.ts"
import { inHome } from "../../cli/state.ts"
import type { ShipReport } from "../../dagger/lib/release/ship.ts"
import { RegistryProxy } from "../long/registry-proxy.ts"
import { Checkout, digestIn, fairlead, ship, shipAs, tagsIn } from "./yard.ts"

const stamp = `${process.pid}-${Date.now()}`
const org = `fresh-${stamp}`
const to = `${registryAddress()}/${org}`
const folders: string[] = []
let checkout: Checkout
/** A machine without records, whose BuildKit has never built anything; it signs with the key that the fleet trusts. */
let fresh: Record<string, string>
/** Another, which has made a key of its own. */
let stranger: Record<string, string>

beforeAll(async () => {
  checkout = await Checkout.init()
  await checkout.change("fleet.yaml", (text) => text.replace("registryCache: {", "registryCache: { use: on,"))
  const trusted = await fairlead(["key", "trust"], { cwd: checkout.root })
  expect(trusted.exitCode, trusted.stderr).toBe(0)
  await checkout.save("trust this machine's key")
  fresh = {
    FAIRLEAD_HOME: await home(),
    FAIRLEAD_SIGNING_KEY: ownKeyPath(),
    FAIRLEAD_BUILD_CACHE: `fresh-${process.pid}`,
  }
  stranger = { FAIRLEAD_HOME: await home(), FAIRLEAD_SIGNING_KEY: "" }
})
afterAll(async () => {
  await checkout.remove()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
  await execa("docker", ["volume", "rm", `fairlead-buildkit-${fresh.FAIRLEAD_BUILD_CACHE}`], { reject: false })
})

/** A state folder with nothing but this machine's bases: made elsewhere they could be of another day. */
async function home(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-home-"))
  folders.push(folder)
  await symlink(inHome("bases"), join(folder, "bases"))
  return folder
}

const names = ["base-python", "hello-base"]
const [base, leaf] = names as [string, string]
const of = ({ families }: ShipReport, name: string) => families.find(({ family }) => family === name)!
const digests = ({ families }: ShipReport) => families.map(({ digest }) => digest)
const reused = ({ families }: ShipReport) => families.map((each) => each.reused)
const reasons = ({ families }: ShipReport) => families.map((each) => each.reason)

let first: ShipReport

describe("a machine that has just been made", () => {
  it("is preceded by one that ships, and writes a build cache for each family", async () => {
    const { exitCode, report, stderr } = await ship(checkout, org, "--all")
    expect(exitCode, stderr).toBe(0)
    expect(report.families.map(({ family }) => family)).toEqual(names)
    expect((await tagsIn(org, "build_cache")).sort()).toEqual([...names, "python-builder"])
    expect(report.notes ?? []).not.toContainEqual(expect.stringContaining("registry cache"))
    first = report
  })

  it("says in its plan that the registry will be asked", async () => {
    const told = await fairlead(["plan", "--json", "--registry", to], { cwd: checkout.root, env: fresh })
    const { families } = JSON.parse(told.stdout) as { families: { action: string; reasons: string[] }[] }
    const asked = ["not built on this machine; ship asks the registry"]
    expect(families.map((each) => [each.action, each.reasons])).toEqual([["build", asked]])
  })

  it("builds nothing of the same commit, and releases the same digests", async () => {
    const before = await everything()
    const { exitCode, report, stderr } = await shipAs(fresh, checkout, to, "--all")
    expect(exitCode, stderr).toBe(0)
    expect([reused(report), reasons(report)]).toEqual([
      [true, true],
      ["built on another machine", "built on another machine"],
    ])
    expect([report.tag, digests(report)]).toEqual([first.tag, digests(first)])
    expect(report.families.map(({ gates }) => Object.keys(gates).sort())).toEqual(
      first.families.map(({ gates }) => Object.keys(gates).sort()),
    )
    // Nor did it write anything: no image, no record, no cache.
    expect(await everything()).toEqual(before)
  })

  it("asks for what hangs on images once, and for each family once when nothing has changed since", async () => {
    const proxy = await RegistryProxy.open()
    try {
      const address = `${proxy.address}/${org}`
      // The records are kept by registry: of this one there are none yet.
      const { stderr } = await shipAs(fresh, checkout, address, "--all", "-v")
      const hanging = proxy.passed.map(({ path }) => path).filter((path) => /\/sha256[-:]/.test(path))
      expect(hanging.filter((path) => path.includes("sha256-"))).toHaveLength(names.length)
      expect(hanging).toEqual([...new Set(hanging)])
      expect(stderr).not.toContain("fetch a record of")
      proxy.calm()
      const { exitCode, report } = await shipAs(fresh, checkout, address, "--all")
      expect([exitCode, reused(report), digests(report)]).toEqual([0, [true, true], digests(first)])
      const asked = proxy.passed.map(({ method, path }) => `${method} ${path}`)
      expect(asked.sort()).toEqual(names.map((family) => `HEAD /v2/${org}/${family}/manifests/current`))
    } finally {
      await proxy.close()
    }
  })

  it("builds a changed leaf and nothing else, on the parent's layers as they are", async () => {
    const before = await everything()
    const since = new Date().toISOString()
    await checkout.change("apps/hello/main.py", (text) => `${text}\n# another line\n`)
    const { exitCode, report, stderr } = await shipAs(fresh, checkout, to, "--all", "-v")
    expect(exitCode, stderr).toBe(0)
    expect(reused(report)).toEqual([true, false])
    expect(of(report, base).digest).toBe(of(first, base).digest)
    expect(of(report, leaf).digest).not.toBe(of(first, leaf).digest)
    expect(await digestIn(org, base, report.tag)).toBe(of(first, base).digest)

    // Its BuildKit was empty: what the parent and the builder are made of came from the registry.
    expect(stderr).not.toContain("[base-python ")
    expect(ran(stderr, "python-builder")).toEqual([])
    expect(stderr).toContain(`importing cache manifest from registry:5000/${org}/build_cache:${leaf}`)

    // The leaf differs from before by what the app and the SBOM put on top.
    const [old, now] = await Promise.all(
      [of(first, leaf).digest, of(report, leaf).digest].map((each) => layersOf(each)),
    )
    const parent = await layersOf(of(first, base).digest)
    expect(now!.slice(0, parent.length)).toEqual(parent)
    expect(now!.filter((each) => !old!.includes(each)).length).toBeLessThanOrEqual(2)

    // Nothing of the parent was sent, and of the leaf only what is new: less than a megabyte, the cache included.
    const after = await everything()
    expect(after.get(base)).toEqual(before.get(base))
    const sent = [leaf, "build_cache"].flatMap((repository) =>
      [...after.get(repository)!].filter(([digest]) => !before.get(repository)!.has(digest)),
    )
    expect(sent.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThan(1_000_000)
    expect(await missedBlobs(base, since)).toEqual([])
  })

  it("gives the same digests as a machine that reads no cache from the registry", async () => {
    const plain = `${org}-plain`
    const { exitCode, report, stderr } = await ship(checkout, plain, "--all")
    expect(exitCode, stderr).toBe(0)
    expect(reused(report)).toEqual([false, false])
    expect(digests(report)).toEqual([of(first, base).digest, await digestIn(org, leaf, "current")])
  })
})

describe("a registry that BuildKit cannot write a cache to", () => {
  it("costs a note, and no release", async () => {
    // Steps reach any port of this machine's loopback, BuildKit the embedded registry's only.
    const proxy = await RegistryProxy.open()
    try {
      const refused = `${org}-refused`
      const { exitCode, report, stderr } = await shipAs({}, checkout, `${proxy.address}/${refused}`, "--family", "base")
      expect(exitCode, stderr).toBe(0)
      expect(report.notes).toContainEqual(expect.stringMatching(/^the registry cache was not written, .*registry:\d+/))
      expect(await digestIn(refused, base, report.tag)).toBe(of(first, base).digest)
      expect(await tagsIn(refused, "build_cache")).toEqual([])
    } finally {
      await proxy.close()
    }
  })
})

describe("a machine that trusts another key", () => {
  it("believes no record, says so in a line for each image, and builds", async () => {
    const own = await checkout.copy()
    try {
      await own.change("fleet.yaml", (text) => text.replace(/ {2}signing:\n {4}keys:\n {6}- .*\n/, ""))
      const { exitCode, report, stderr } = await shipAs(stranger, own, to, "--all", "--dry-run")
      expect(exitCode, stderr).toBe(0)
      expect(reused(report)).toEqual([false, false])
      for (const family of names)
        expect(report.notes).toContainEqual(
          expect.stringMatching(
            new RegExp(
              `^${family} is built here, though fp-[0-9a-f]{16} is in the registry: .*signed with another key`,
            ),
          ),
        )
    } finally {
      await own.remove()
    }
  })
})

/** RUN steps of a target that were carried out, and did not come from a cache. */
function ran(stderr: string, target: string): string[] {
  const lines = stderr
    .split("\n")
    .filter((line) => line.includes(`| [${target} `) && /\d+\/\d+\] (?:RUN|COPY)/.test(line))
  const step = (line: string) => line.replace(/ (?:CACHED|done|…)$/, "")
  expect(lines.length, target).toBeGreaterThan(0)
  const cached = new Set(lines.filter((line) => line.endsWith(" CACHED")).map(step))
  return [...new Set(lines.map(step))].filter((each) => !cached.has(each))
}

/** Layers of an image of the leaf or the base, by what the registry answers. */
async function layersOf(digest: string): Promise<string[]> {
  for (const family of names) {
    const answer = await fetch(`http://${registryAddress()}/v2/${org}/${family}/manifests/${digest}`, {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    })
    if (answer.ok) return ((await answer.json()) as { layers: { digest: string }[] }).layers.map((each) => each.digest)
  }
  throw new Error(`${digest} is not there`)
}

const list = `\
cd /var/lib/registry/docker/registry/v2
for repository in repositories/"$1"/*; do
  for blob in "$repository"/_layers/sha256/*; do
    digest=\${blob##*/}
    echo "\${repository##*/} $digest $(stat -c %s blobs/sha256/$(echo $digest | cut -c 1-2)/$digest/data)"
  done
done
`

/** Every blob of the organisation with its bytes, by repository, as it lies on the registry's disk. */
async function everything(): Promise<Map<string, Map<string, number>>> {
  const { stdout } = await execa("docker", ["exec", registryContainer, "sh", "-c", list, "sh", org])
  const found = new Map<string, Map<string, number>>()
  for (const [repository = "", digest = "", bytes] of stdout.split("\n").map((line) => line.split(" "))) {
    found.set(repository, (found.get(repository) ?? new Map()).set(digest, Number(bytes)))
  }
  return found
}

/** Blobs that somebody asked for before sending them, by the registry's own log: what is there is not sent. */
async function missedBlobs(family: string, since: string): Promise<string[]> {
  const { all } = await execa("docker", ["logs", "--since", since, registryContainer], { all: true })
  return all.split("\n").filter((line) => line.includes("blob unknown") && line.includes(`/v2/${org}/${family}/blobs/`))
}
