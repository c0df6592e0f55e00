import { createHash } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type OpenEngine, openEngine } from "../../cli/engines.ts"
import { commitOf } from "../../cli/git.ts"
import { openRepository } from "../../cli/repository.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { yardOn } from "../../cli/yard.ts"
import { type Advisories, advisoriesCache } from "../../dagger/lib/advisories/advisories.ts"
import { type Built, build } from "../../dagger/lib/build/build.ts"
import { type Artifact, succeeded } from "../../dagger/lib/engine/engine.ts"
import { rulesFor } from "../../dagger/lib/fleet/repository.ts"
import type { Rules, Subject } from "../../dagger/lib/gates/gate.ts"
import { type AnyGate, ask, lookingAt } from "../../dagger/lib/gates/look.ts"
import { type SbomFacts, sbom } from "../../dagger/lib/gates/sbom.ts"
import { type ScanFacts, scan } from "../../dagger/lib/gates/scan.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { MemoryStore } from "../../dagger/lib/release/store.ts"
import { digestsOf, type Yard } from "../../dagger/lib/yard.ts"
import { candidates } from "./engines.ts"

const repository = await openRepository(fairleadRoot)
const reading = await readAsked(repository, { families: ["web"] }, commitOf)
const registry = { address: { host: "127.0.0.1:5000", org: "conformance" }, embedded: true }

// Made up, since nothing known today may be wrong with what the images have tomorrow.
const record = (id: string, ecosystem: string, name: string, fixed?: string) => ({
  schema_version: "1.6.0",
  id,
  modified: "2026-11-01T00:00:00Z",
  published: "2026-11-01T00:00:00Z",
  summary: `a test's own weakness of ${name}`,
  affected: [
    {
      package: { ecosystem, name },
      ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, ...(fixed ? [{ fixed }] : [])] }],
    },
  ] as const,
  severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
})
const h11 = record("CVE-2099-0001", "PyPI", "h11", "9.9.9")
const openssl = record("CVE-2099-0002", "Debian:12", "openssl", "9.0.99-1~deb12u9")
const zlib = record("CVE-2099-0003", "Debian:12", "zlib")

// In two layers: a later one hides the file, and everybody who pulls the image has it all the same.
const leaked = `ghp_${createHash("sha256").update("a test's own token").digest("hex").slice(0, 36)}`
const withSecret = `
import hashlib, io, json, tarfile
archive = tarfile.open("/in/image.tar")
files = {member.name: archive.extractfile(member).read() for member in archive if member.isreg()}
index = json.loads(files["index.json"])
path = lambda each: "blobs/sha256/" + each["digest"][7:]
manifest = json.loads(files[path(index["manifests"][0])])
config = json.loads(files[path(manifest["config"])])
def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    files["blobs/sha256/" + digest] = data
    return {"digest": "sha256:" + digest, "size": len(data)}
for name, text in (("app/settings.env", "GITHUB_TOKEN=${leaked}\\n"), ("app/.wh.settings.env", "")):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as layer:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        layer.addfile(member, io.BytesIO(text.encode()))
    made = blob(out.getvalue())
    manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **made})
    config["rootfs"]["diff_ids"].append(made["digest"])
    config["history"].append({"created_by": "COPY settings.env /app/"})
manifest["config"].update(blob(json.dumps(config).encode()))
index["manifests"][0].update(blob(json.dumps(manifest).encode()))
files["index.json"] = json.dumps(index).encode()
with tarfile.open("/out/image.tar", "w") as out:
    for name, data in files.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        out.addfile(member, io.BytesIO(data))
print(index["manifests"][0]["digest"], end="")
`

// Compiled once more for each case: a cache cannot be handed over from step to step otherwise.
const keep = `
import json, os, shutil, subprocess, sys
made = "/tmp/made"
report = json.loads(subprocess.check_output(["advisories", "compile", "--in", "/in", "--out", made]))
folder = "/advisories/" + report["digest"][7:]
if len(sys.argv) > 1:
    os.truncate(made + "/trivy.db", int(sys.argv[1]))
    folder = folder[:-4] + "0000"
shutil.rmtree(folder, ignore_errors=True)
shutil.copytree(made, folder)
print(os.path.basename(folder), end="")
`

describe.each(candidates)("family-web on $name", ({ name, skip }) => {
  const cases = skip ? it.skip : it
  let opened: OpenEngine
  let yard: Yard
  let image: Built
  let rules: Rules
  const kept: string[] = []

  beforeAll(async () => {
    if (skip) return
    opened = await openEngine(name, { root: fairleadRoot })
    yard = await yardOn(opened, { repository, commit: reading.commit, registry })
    const plan = await makePlan({ repository, reading, bases: digestsOf(yard.bases), records: new MemoryStore() })
    const families = plan.families.map(({ family }) => family)
    image = (await build(yard, { plan, inputs: reading.inputs, families })).at(-1)!
    rules = (await rulesFor({ ...repository, risks: [], now: new Date("2026-11-03T00:00:00Z") }, families))(
      "family-web",
    )
  })
  afterAll(async () => {
    if (kept.length > 0) {
      const argv = ["rm", "-rf", ...kept.map((each) => `/advisories/${each}`)] as const
      await yard.engine.run({ name: "forget", image: "toolbox:scan", argv: [...argv], caches, look: "again" })
    }
    await opened?.close()
  })

  const caches = { [advisoriesCache.path]: advisoriesCache.name }

  /** A database of these records where steps look for it. */
  async function database(records: readonly ReturnType<typeof record>[], truncatedTo?: number): Promise<Advisories> {
    const { engine } = yard
    const step = {
      name: "compile advisories",
      image: "toolbox:scan" as const,
      argv: ["python3", "-c", keep, ...(truncatedTo === undefined ? [] : [`${truncatedTo}`])] as [string, ...string[]],
      inputs: Object.fromEntries(
        records.map((each) => [`/in/${each.id}.json`, engine.file(`${each.id}.json`, JSON.stringify(each))]),
      ),
      caches,
      look: "again" as const,
    }
    const { stdout } = succeeded(step, await engine.run(step))
    kept.push(stdout)
    const covers = records.map(
      ({
        affected: [
          {
            package: { ecosystem },
          },
        ],
      }) => (ecosystem === "PyPI" ? "pip" : "debian 12"),
    )
    const ready = { digest: `sha256:${stdout}`, updatedAt: "2026-11-01T00:00:00Z", from: "a test's records", covers }
    return { database: { state: "ready", ...ready }, python: { state: "none", why: "none in this test" } }
  }
  const asked = (gate: AnyGate, subject: Subject, advisories: Advisories) =>
    ask(gate, lookingAt(subject, rules, { engine: yard.engine, advisories: async () => advisories }))

  cases(
    "fails by a PyPI and a Debian package, with the versions that have the fix, and not by what has none",
    async () => {
      const answer = await asked(scan, image, await database([h11, openssl, zlib]))
      expect(answer.verdict, JSON.stringify(answer.findings)).toBe("FAIL")
      expect(answer.findings.map(({ risk }) => [risk?.ids[0], risk?.package, risk?.fixed])).toEqual([
        ["CVE-2099-0001", "h11", ["9.9.9"]],
        ["CVE-2099-0002", "libssl3", ["9.0.99-1~deb12u9"]],
        ["CVE-2099-0002", "openssl", ["9.0.99-1~deb12u9"]],
      ])
      expect(answer.findings[0]).toMatchObject({ where: expect.stringMatching(/\.lock:\d+ {2}h11==/) })
      expect(answer.findings[1]).toMatchObject({
        where: expect.stringContaining("dockerfiles/base-python.Dockerfile:"),
        fix: expect.stringContaining("--no-cache"),
      })
      expect(answer.notes).toContainEqual({ what: "let pass by policy.advisories: 1 critical without a fix" })
      const { seen, release } = answer.facts as ScanFacts
      expect(release).toEqual({ id: "debian", codename: "bookworm" })
      expect(seen).toMatchObject({ os: { family: "debian", eosl: false } })
    },
  )

  cases("passes when what is known is about nothing in it, also in several scans at once", async () => {
    const other = [record("CVE-2099-0004", "PyPI", "not-installed"), record("CVE-2099-0005", "Debian:12", "not-there")]
    const advisories = await database(other)
    const answers = await Promise.all([1, 2, 3].map(() => asked(scan, image, advisories)))
    expect(answers.map(({ verdict, findings }) => [verdict, findings])).toEqual(Array(3).fill(["PASS", []]))
    expect(answers[0]!.brief).toMatch(/^0 of 1\d\d pkg$/)
  })

  cases("is UNCHECKED by records that know nothing of Debian", async () => {
    const { verdict, notes } = await asked(
      scan,
      image,
      await database([record("CVE-2099-0004", "PyPI", "not-installed")]),
    )
    expect([verdict, notes?.[0]?.what]).toEqual([
      "UNCHECKED",
      expect.stringMatching(/no advisory at all for \d+ packages of debian/),
    ])
  })

  cases("fails by a secret in a layer although a later one hides it, and repeats it nowhere", async () => {
    const { engine } = yard
    const ran = await engine.run({
      name: "a secret in a layer",
      image: "toolbox:scan",
      argv: ["python3", "-c", withSecret],
      inputs: { "/in/image.tar": image.archive },
      outputs: { image: "/out/image.tar" },
    })
    expect(ran.exitCode, ran.stderr).toBe(0)
    const subject = { ...image, digest: ran.stdout, archive: ran.outputs.image as Artifact }
    const answer = await asked(scan, subject, await database([h11, openssl]))
    expect(answer.findings.map(({ what, evidence }) => [what, evidence])).toContainEqual([
      "secret: GitHub Personal Access Token in /app/settings.env, line 1",
      expect.stringMatching(/^rule github-pat, layer sha256:[0-9a-f]{12}: COPY settings\.env/),
    ])
    expect(JSON.stringify(answer)).not.toContain(leaked.slice(4, 20))
    expect(await asked(scan, image, await database([h11, openssl]))).not.toMatchObject({
      brief: expect.stringMatching(/secret/),
    })
  })

  cases("is an ERROR by a database that was cut off, and by a report about another image", async () => {
    const cut = await asked(scan, image, await database([h11, openssl], 9000))
    expect([cut.verdict, cut.findings[0]?.what]).toEqual(["ERROR", expect.stringMatching(/changed or cut off/)])
    const other = { ...image, digest: `sha256:${"0".repeat(64)}` }
    expect((await asked(scan, other, await database([h11]))).verdict).toBe("ERROR")
  })

  cases("lists everything that is installed in its SBOM, and carries it", async () => {
    const nobody: Advisories = { database: { state: "none", why: "" }, python: { state: "none", why: "" } }
    const own = await asked(sbom, image, nobody)
    expect([own.verdict, own.findings]).toEqual(["PASS", []])
    const facts = own.facts as SbomFacts
    expect(facts.installed.debian).toBeGreaterThan(50)
    expect(facts.installed.python).toBeGreaterThan(10)
    expect(facts.sealed).toBe(facts.document)
    // As it comes back from a registry, with nothing beside it.
    const fetched = await asked(sbom, { ...image, sbom: undefined }, nobody)
    expect([fetched.verdict, fetched.facts]).toEqual(["PASS", facts])
    const text = await yard.engine.read(image.sbom)
    const document = JSON.parse(text)
    document.packages = document.packages.filter(
      (each: { name: string }) => each.name !== "h11" && each.name !== "libssl3",
    )
    const less = { ...image, sbom: yard.engine.file("less.spdx.json", JSON.stringify(document)) }
    const { verdict, findings } = await asked(sbom, less, nobody)
    expect([verdict, findings.map(({ what }) => what)]).toEqual([
      "FAIL",
      [
        expect.stringMatching(/is not the image's/),
        expect.stringMatching(/^debian package libssl3 .* has it not at all$/),
        expect.stringMatching(/^python package h11 .* has it not at all$/),
      ],
    ])
  })
})
