import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { registryAddress } from "../../cli/setup/registry.ts"
import { Checkout, fairlead, ship, tagsIn } from "./yard.ts"

// The lines of a CI's files, run here: what they print is what a CI reads.

const org = `ci-${process.pid}-${Date.now()}`
const registry = `${registryAddress()}/${org}`
let checkout: Checkout
let out: string

beforeAll(async () => {
  checkout = await Checkout.make()
  out = await mkdtemp(join(tmpdir(), "fairlead-ci-"))
})
afterAll(async () => {
  await checkout.remove()
  await rm(out, { recursive: true, force: true })
})

const jobs = async (...more: string[]) => {
  const told = await fairlead(["ci", "--for", "github", "--jobs", "--registry", registry, ...more], {
    cwd: checkout.root,
  })
  expect([told.exitCode, told.stderr]).toEqual([0, expect.stringContaining("jobs")])
  return told.stdout
}
const rescan = async (...more: string[]) => {
  const told = await fairlead(["rescan", "--json", "--registry", registry, ...more], { cwd: checkout.root })
  return { ...told, json: told.stdout.startsWith("{") ? JSON.parse(told.stdout) : undefined }
}

describe("a CI that asks what has to be built", () => {
  it("is told all of it at first, in stages, on stdout and nothing else there", async () => {
    const lines = (await jobs()).trimEnd().split("\n")
    expect(lines[0]).toBe('stage1=["base-python","legacy-py310-cpu"]')
    expect(lines.at(-1)).toBe(`stage6=["reference-llm"]`)
  })

  it("is not told what is released with this fingerprint, until a commit changes that", async () => {
    expect((await ship(checkout, org, "--family", "base")).exitCode).toBe(0)
    expect((await jobs()).split("\n")[0]).toBe('stage1=["legacy-py310-cpu"]')
    await checkout.change("dockerfiles/base-utils.Dockerfile", (text) => `${text}# another word\n`)
    expect((await jobs()).split("\n")[0]).toBe('stage1=["legacy-py310-cpu"]')
    const gitlab = await fairlead(["ci", "--for", "gitlab", "--jobs", "--registry", registry], { cwd: checkout.root })
    const pipeline = parse(gitlab.stdout)
    expect(pipeline["base-python"]).toBeUndefined()
    expect([pipeline["base-utils"].needs, pipeline["base-cpu-pydeps"].needs]).toEqual([[], ["base-utils"]])
  })
})

describe("rescan", () => {
  it("says what is released, with reports and the signed SBOM", async () => {
    const { exitCode, json } = await rescan("--advisories", "none", "--sarif", join(out, "a.sarif"), "--sboms", out)
    expect(exitCode).toBe(0)
    expect(json.families.map((each: { family: string }) => each.family)).toEqual(["base-python"])
    expect(json.families[0]).toMatchObject({
      verdict: "UNCHECKED",
      problems: [],
      gates: { smoke: { verdict: "PASS" } },
    })
    expect(json.unreleased).toContain("base-utils")
    expect((await readdir(out)).sort()).toEqual(["a.sarif", "base-python.spdx.json"])
    expect(JSON.parse(await readFile(join(out, "base-python.spdx.json"), "utf8")).spdxVersion).toBe("SPDX-2.3")
  })

  it("finds what nobody knew when it was released: exit code 1, a finding, and nothing published", async () => {
    const affected = (ecosystem: string, name: string) => ({
      ...{ schema_version: "1.6.0", id: `CVE-2099-${name.length}`, modified: "2026-11-01T00:00:00Z" },
      affected: [
        {
          package: { ecosystem, name },
          ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "99999999" }] }],
        },
      ],
      severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
    })
    const known = { "debian.json": affected("Debian:12", "ca-certificates"), "python.json": affected("PyPI", "nobody") }
    for (const [name, record] of Object.entries(known))
      await checkout.change(`advisories/${name}`, () => JSON.stringify(record))
    await checkout.change("fleet.yaml", (text) => text.replace("maxAgeDays: 7,", "maxAgeDays: 3650,"))
    const before = await tagsIn(org, "base-python")
    const { exitCode, json } = await rescan("--advisories", "advisories", "--sarif", join(out, "b.sarif"))
    expect([exitCode, json.verdict, json.families[0].gates.scan.verdict]).toEqual([1, "FAIL", "FAIL"])
    expect(await readFile(join(out, "b.sarif"), "utf8")).toContain("CVE-2099-15")
    expect(await tagsIn(org, "base-python")).toEqual(before)
  })
})
