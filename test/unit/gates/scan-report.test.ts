import { execFile, execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import type { Ran } from "../../../dagger/lib/engine/engine.ts"
import type { Inside } from "../../../dagger/lib/gates/inside.ts"
import { aboutThis, allSeen, type Report } from "../../../dagger/lib/gates/scan/report.ts"
import { contractFacts, installed } from "./facts.ts"
import { noPython } from "./python.ts"

const sha256 = (data: string | Buffer) => `sha256:${createHash("sha256").update(data).digest("hex")}`
const site = "/opt/venv/lib/python3.11/site-packages"
const config = sha256("{}")
const manifest = JSON.stringify({ config: { digest: config }, layers: [] })

const report = (breaks: (report: Report) => void = () => {}): Report => {
  const all: Report = {
    schema: 1,
    manifest,
    imageId: config,
    trivy: "0.69.3",
    os: { family: "debian", name: "12.15", eosl: false },
    packages: {
      debian: [{ name: "tini", version: "0.19.0-1", source: "tini" }],
      python: [
        { name: "FastAPI", version: "0.110.0", path: `${site}/fastapi-0.110.0.dist-info/METADATA` },
        { name: "starlette", version: "0.37.2", path: `${site}/starlette-0.37.2.dist-info/METADATA` },
      ],
      other: {},
    },
    vulnerabilities: [],
    secrets: [],
  }
  breaks(all)
  return all
}

describe("trivy's report", () => {
  it("is about the image that was asked for", () => {
    expect(() => aboutThis("scan", report(), sha256(manifest))).not.toThrow()
    expect(() => aboutThis("scan", report(), sha256("another"))).toThrow(/about another image/)
    const other = report((each) => Object.assign(each, { imageId: sha256("other config") }))
    expect(() => aboutThis("scan", other, sha256(manifest))).toThrow(/about another image/)
  })

  const inside = contractFacts("family-web").inside!
  const seen = (breaks: (report: Report) => void = () => {}, of: Inside = inside) => allSeen("scan", report(breaks), of)

  it("has every package that is installed", () => {
    expect(seen()).toEqual([])
  })

  it("is refused when it lacks a package, has another version or one too many, and says which", () => {
    expect(() => seen((each) => each.packages.python.pop())).toThrow(/starlette 0\.37\.2 is installed and was not seen/)
    expect(() => seen((each) => (each.packages.python[1]!.version = "0.38.0"))).toThrow(
      /starlette 0\.37\.2 is installed and was not seen; .*starlette 0\.38\.0 was seen and is not installed/,
    )
    const ghost = { name: "ghost", version: "1", source: "ghost" }
    expect(() => seen((each) => each.packages.debian.push(ghost))).toThrow(/ghost 1 was seen and is not installed/)
  })

  it("is refused when it has no package at all", () => {
    expect(() => seen((each) => (each.packages.debian = []))).toThrow(/no Debian package at all/)
    expect(() => seen((each) => (each.packages.python = []))).toThrow(/fastapi 0\.110\.0 is installed and was not seen/)
  })

  it("may have packages inside of packages, which no package manager lists", () => {
    const path = `${site}/setuptools/_vendor/wheel-0.45.1.dist-info/METADATA`
    expect(seen((each) => each.packages.python.push({ name: "wheel", version: "0.45.1", path }))).toEqual([
      { name: "wheel", version: "0.45.1", path },
    ])
  })

  it("may lack Python modules that Debian packages bring: they count as Debian's", () => {
    const yaml = { ...installed("PyYAML", "6.0"), location: "/usr/lib/python3/dist-packages" }
    const both = { ...inside, distributions: [...inside.distributions, yaml] }
    expect(seen(() => {}, both)).toEqual([])
    const path = "/usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO"
    expect(seen((each) => each.packages.python.push({ name: "PyYAML", version: "6.0", path }), both)).toEqual([])
  })
})

/** Faults: what the probe does when the archive, the database or Trivy itself is not what it should be. */
describe.skipIf(noPython)("the scan probe", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-scan-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  let count = 0

  interface Fault {
    /** The text of the program that stands where Trivy should. */
    trivy?: string
    archive?: (layout: string) => void
    database?: Buffer
    digest?: string
  }

  async function probe({ trivy = "exit 0", archive = () => {}, database, digest }: Fault): Promise<Ran> {
    const root = join(folder, `${++count}`)
    const [layout, bin] = [join(root, "layout"), join(root, "bin")]
    const write = (path: string, text: string | Buffer) => {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    for (const text of [manifest, "{}"]) write(join(layout, "blobs/sha256", sha256(text).slice(7)), text)
    write(join(layout, "index.json"), JSON.stringify({ manifests: [{ digest: sha256(manifest) }] }))
    archive(layout)
    execFileSync("tar", ["--create", "--directory", layout, "--file", join(root, "image.tar"), "."])
    write(join(bin, "trivy"), `#!/bin/sh\n${trivy}\n`)
    chmodSync(join(bin, "trivy"), 0o755)
    const known = join(root, "advisories", sha256("a database").slice(7))
    write(join(known, "trivy.db"), database ?? "a database")
    write(join(known, "metadata.json"), '{"Version":2}')
    mkdirSync(join(root, "work"))
    const script = fileURLToPath(new URL("../../../dagger/lib/gates/probes/scan_probe.py", import.meta.url))
    const named = digest ?? sha256(manifest)
    const argv = [join(root, "image.tar"), `--digest=${named}`, `--database=${known}`, `--work=${join(root, "work")}`]
    const env = { PATH: `${bin}:${process.env.PATH}` }
    return new Promise((done) => {
      execFile("python3", ["-I", "-S", "-B", script, ...argv], { env }, (error, stdout, stderr) => {
        done({ exitCode: error ? Number(error.code) : 0, stdout, stderr, outputs: {}, seconds: 0 })
      })
    })
  }
  const refused = async (fault: Fault) => {
    const { exitCode, stdout, stderr } = await probe(fault)
    expect([exitCode, stdout]).toEqual([1, ""])
    expect(stderr).not.toContain("Traceback")
    return stderr
  }
  /** Finds --output among its arguments, and writes this text there. */
  const writes = (text: string) => `while [ "$1" != --output ]; do shift; done; printf '%s' '${text}' > "$2"`

  it("answers nothing when Trivy crashes, and says how", async () => {
    expect(await refused({ trivy: "echo 'FATAL no space left' >&2; exit 7" })).toMatch(/no space left\ntrivy exited 7/)
    expect(await refused({ trivy: "kill -9 $$" })).toMatch(/trivy exited -9/)
  })

  it("answers nothing when the report is missing, cut off or of another shape", async () => {
    expect(await refused({})).toMatch(/no whole report/)
    expect(await refused({ trivy: writes('{"SchemaVersion":2,"Resu') })).toMatch(/no whole report/)
    expect(await refused({ trivy: writes('{"Metadata":{}}') })).toMatch(/another shape: KeyError/)
    expect(await refused({ trivy: writes("[]") })).toMatch(/another shape/)
  })

  it("runs Trivy where no file and no variable tells it to leave something out", async () => {
    const trivy = "ls -A >&2; env | sort >&2; exit 1"
    const said = await refused({ trivy })
    expect(said).not.toContain(".trivyignore")
    expect(said.split("\n").filter((each) => /^TRIVY/.test(each))).toEqual([])
  })

  it("refuses an archive of another image, a damaged blob, and members that no image has", async () => {
    expect(await refused({ digest: sha256("another") })).toMatch(/of another image/)
    const spoil = (layout: string) => writeFileSync(join(layout, "blobs/sha256", config.slice(7)), "{ }")
    expect(await refused({ archive: spoil })).toMatch(/is damaged/)
    for (const archive of [
      (layout: string) => symlinkSync("/etc/passwd", join(layout, "blobs/sha256", "a".repeat(64))),
      (layout: string) => writeFileSync(join(layout, "trivy.yaml"), "x"),
    ]) {
      expect(await refused({ archive })).toMatch(/a member that no image has/)
    }
  })

  it("refuses a database that is not the one it is named after", async () => {
    expect(await refused({ database: Buffer.from("a data") })).toMatch(/changed or cut off/)
  })
})
