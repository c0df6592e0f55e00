import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { type Advisories, advisoriesCache } from "../../dagger/lib/advisories/advisories.ts"
import { chooseAdvisories } from "../../dagger/lib/advisories/choice.ts"
import { findAdvisories } from "../../dagger/lib/advisories/find.ts"
import type { Step } from "../../dagger/lib/engine/engine.ts"
import { succeeded } from "../../dagger/lib/engine/engine.ts"
import { parseFleet } from "../../dagger/lib/fleet/load.ts"
import { changed } from "../unit/fleet/small.ts"
import { Mirror, oldImage, pushDatabase } from "./databases.ts"
import { candidates } from "./engines.ts"

const records = fileURLToPath(new URL("../advisories", import.meta.url))
const name = `advisories-${process.pid}-${Date.now()}/trivy-db`
// The newest of the records is of 2026-11-01: what is said of them does not depend on the day of the test.
const now = new Date("2026-11-05T12:00:00Z")

/** A folder with the test's records, one of them in an archive; and one of this run, so that its database is nobody else's. */
function folderOfRecords(): string {
  const folder = mkdtempSync(join(tmpdir(), "records-"))
  cpSync(records, join(folder, "loose"), { recursive: true })
  rmSync(join(folder, "loose/pyyaml.yaml"))
  execFileSync("tar", ["-czf", join(folder, "more.tar.gz"), "-C", records, "pyyaml.yaml"])
  writeFileSync(join(folder, "README.md"), "not a record")
  const own = { id: `TEST-${name.replace("/", "-")}`, modified: "2026-01-01T00:00:00Z", affected: affectsNothing }
  writeFileSync(join(folder, "own.json"), JSON.stringify(own))
  return folder
}

const affectsNothing = [
  { package: { ecosystem: "PyPI", name: "nothing" }, ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }] }] },
]

const digestOf = ({ database }: Advisories): string => {
  if (database.state !== "ready") throw new Error(`not ready: ${JSON.stringify(database)}`)
  return database.digest.slice("sha256:".length)
}

describe.each(candidates)("advisories on $name", ({ open, skip }) => {
  const cases = skip ? it.skip : it
  const mirror = new Mirror(`http://${registryAddress()}`)
  let opened: OpenEngine
  let osv: Server
  let port: number
  let folder: string
  let hex: string

  beforeAll(async () => {
    if (skip) return
    opened = await open()
    folder = folderOfRecords()
    osv = createServer((_, answer) => answer.end(JSON.stringify({ vulns: [{ id: "GHSA-x84v-xcm2-53pg" }] })))
    await new Promise<void>((listening) => osv.listen(0, "127.0.0.1", listening))
    port = await mirror.start()
  })
  afterAll(async () => {
    if (skip) return
    await inCache(["rm", "-rf", `/advisories/${hex}`])
    await mirror.stop()
    osv.close()
    await opened.close()
  })

  const inCache = async (argv: Step["argv"], more: Partial<Step> = {}) => {
    const caches = { [advisoriesCache.path]: advisoriesCache.name }
    const step: Step = { name: argv[0], image: "toolbox:scan", argv, caches, look: "again", ...more }
    return succeeded(step, await opened.engine.run(step))
  }

  const inFolder = (path = folder, at = now) => {
    const fleet = parseFleet(changed())
    const choice = chooseAdvisories(fleet, { flag: path })
    return findAdvisories({ engine: opened.engine, root: "/", fleet, choice, now: at })
  }

  const onMirror = (at = now, tag = "2") => {
    const python = `http://127.0.0.1:${(osv.address() as AddressInfo).port}`
    const own = `advisories: { database: "127.0.0.1:${port}/${name}:${tag}", python: "${python}", `
    const fleet = parseFleet(changed("advisories: { ", own))
    return findAdvisories({ engine: opened.engine, root: "/", fleet, choice: chooseAdvisories(fleet), now: at })
  }

  cases("compiles a folder of OSV records once, and serves both gates with it", async () => {
    const found = await inFolder()
    expect(found).toMatchObject({
      database: { state: "ready", updatedAt: "2026-11-01T00:00:00Z", covers: ["debian 12", "pip"] },
      python: { state: "ready", service: "folder", updatedAt: "2026-11-01T00:00:00Z" },
    })
    hex = digestOf(found)
    const written = await inCache(["stat", "--format=%Y", `/advisories/${hex}/trivy.db`])
    expect(digestOf(await inFolder())).toBe(hex)
    expect((await inCache(["stat", "--format=%Y", `/advisories/${hex}/trivy.db`])).stdout).toBe(written.stdout)
    const { stdout } = await inCache(["cat", `/advisories/${hex}/osv.json`])
    const served = JSON.parse(stdout)
    expect(served.requests).toMatchObject([{ id: "PYSEC-2018-28", aliases: ["CVE-2018-18074"] }])
    expect(served.requests[0].affected[0].versions).toEqual(["2.18.4", "2.19.0", "2.19.1"])
    expect(Object.keys(served).sort()).toEqual(["nothing", "pyyaml", "requests", "ruamel-yaml"])
  })

  cases("compiles the same bytes from the same records, however they lie", async () => {
    const other = mkdtempSync(join(tmpdir(), "records-"))
    cpSync(records, join(other, "x/y"), { recursive: true })
    cpSync(join(folder, "own.json"), join(other, "own.json"))
    expect(digestOf(await inFolder(other))).toBe(hex)
  })

  cases("is found by a real Trivy in a real image, with severity and the version that has the fix", async () => {
    const script = "import os,sys; os.mkdir('/t'); os.symlink(sys.argv[1], '/t/db'); os.execvp('trivy', sys.argv[2:])"
    const trivy = ["trivy", "image", "--input", "/in/layout", "--cache-dir", "/t", "--format", "json", "--quiet"]
    const offline = ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--scanners", "vuln"]
    const { stdout } = await inCache(["python3", "-c", script, `/advisories/${hex}`, ...trivy, ...offline], {
      inputs: { "/in/layout": opened.engine.local(await oldImage()) },
    })
    const results = JSON.parse(stdout).Results as { Vulnerabilities?: Record<string, string>[] }[]
    const found = results
      .flatMap(({ Vulnerabilities = [] }) => Vulnerabilities)
      .map((each) => [each.VulnerabilityID, each.PkgName, each.InstalledVersion, each.FixedVersion, each.Severity])
    expect(found.sort()).toEqual([
      ["CVE-2018-18074", "requests", "2.19.0", "2.20.0", "HIGH"],
      ["CVE-2019-20478", "ruamel.yaml", "0.16.7", undefined, "CRITICAL"],
      ["CVE-2020-14343", "PyYAML", "5.3", "5.4", "CRITICAL"],
      ["CVE-2023-4911", "libc6", "2.36-9+deb12u2", "2.36-9+deb12u3", "HIGH"],
    ])
  })

  cases.each([
    ["missing", () => "/nowhere/at/all", /no such folder/],
    ["empty", () => mkdtempSync(join(tmpdir(), "records-")), /empty/],
    ["without a record", () => broken("README.json", "{}"), /no advisory about PyPI or Debian/],
    [
      "with a record cut short",
      () => broken("cut.json", readFileSync(join(records, "glibc.json"), "utf8").slice(0, 200)),
      /cut\.json/,
    ],
    [
      "with an archive cut short",
      () => broken("cut.tar.gz", readFileSync(join(folder, "more.tar.gz")).subarray(0, 150)),
      /cut\.tar\.gz/,
    ],
    ["with a severity that is none", () => broken("bad.json", badSeverity()), /bad\.json.*CVSS_V3/],
  ])("refuses a folder that is %s, and names what is wrong", async (_, path, why) => {
    const found = await inFolder(path())
    expect(found).toMatchObject({
      database: { state: "broken", why: expect.stringMatching(why) },
      python: { state: "broken" },
    })
  })

  cases("refuses records that are older than the policy allows", async () => {
    const { database } = await inFolder(folder, new Date("2026-11-22T12:00:00Z"))
    expect(database).toMatchObject({
      state: "broken",
      why: expect.stringMatching(/database is from 2026-11-01, 21 days old, policy allows 7/),
    })
  })

  cases("fetches a mirror's database once, and waits when it is told 429", async () => {
    const out = await inCache(["sh", "-c", `cp /advisories/${hex}/*.db /advisories/${hex}/metadata.json /out/db/`], {
      outputs: { db: "/out/db/" },
    })
    const saved = mkdtempSync(join(tmpdir(), "database-"))
    await opened.engine.save(out.outputs.db!, saved)
    await pushDatabase(`http://${registryAddress()}`, name, saved)
    await inCache(["rm", "-rf", `/advisories/${hex}`])

    let refusals = 0
    mirror.fault = (path, answer) => {
      if (!path.includes("/blobs/") || refusals > 0) return false
      refusals += 1
      answer.writeHead(429, { "Retry-After": "1" }).end()
      return true
    }
    const first = await onMirror()
    expect(refusals).toBe(1)
    expect(first.database).toMatchObject({
      state: "ready",
      from: `127.0.0.1:${port}/${name}:2`,
      digest: `sha256:${hex}`,
    })
    expect(first.python).toMatchObject({ state: "ready", service: "osv" })
    mirror.seen.length = 0
    expect(await onMirror()).toEqual(first)
    expect(mirror.seen.filter((each) => each.includes("/blobs/"))).toEqual([])
  })

  cases("throws a damaged database away and fetches it anew", async () => {
    await inCache(["truncate", "--size=1000", `/advisories/${hex}/trivy.db`])
    const { database } = await onMirror()
    expect(database).toMatchObject({ state: "ready", digest: `sha256:${hex}` })
    const { stdout } = await inCache(["sha256sum", `/advisories/${hex}/trivy.db`])
    expect(stdout.slice(0, 64)).toBe(hex)
  })

  cases("refuses what was changed on the way, and keeps the sound one that it has, as old as it is", async () => {
    expect((await onMirror(new Date("2026-11-22T12:00:00Z"))).database).toMatchObject({
      state: "broken",
      why: expect.stringMatching(/21 days old, policy allows 7/),
    })
    expect((await onMirror(now, "3")).database).toMatchObject({
      state: "broken",
      why: expect.stringMatching(/manifest unknown/i),
    })
    await inCache(["truncate", "--size=1000", `/advisories/${hex}/metadata.json`])
    mirror.fault = (path, answer) => {
      if (!path.includes("/blobs/")) return false
      answer.end("x".repeat(1000))
      return true
    }
    const { database } = await onMirror()
    expect(database).toMatchObject({ state: "broken", why: expect.stringMatching(/metadata\.json/) })
    mirror.fault = () => false
    expect((await onMirror()).database.state).toBe("ready")
  })

  cases("goes on with the kept database when the mirror is gone, and not once that is damaged", async () => {
    await mirror.stop()
    const { database } = await onMirror()
    expect(database).toMatchObject({ state: "ready", from: expect.stringMatching(/, kept from \d{4}-\d\d-\d\d$/) })
    expect((await onMirror(new Date("2026-11-22T12:00:00Z"))).database).toMatchObject({
      state: "broken",
      why: expect.stringMatching(/kept from .*21 days old/),
    })
    await inCache(["truncate", "--size=1000", `/advisories/${hex}/trivy.db`])
    expect((await onMirror()).database).toMatchObject({
      state: "broken",
      why: expect.stringMatching(/trivy\.db of 1000 bytes/),
    })
    await mirror.start(port)
    expect((await onMirror()).database.state).toBe("ready")
  })
})

function broken(file: string, content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), "records-"))
  writeFileSync(join(folder, file), content)
  return folder
}

const badSeverity = (): string =>
  readFileSync(join(records, "requests.json"), "utf8").replace("CVSS:3.1/AV:N/", "CVSS:3.1/AV:Q/")
