import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import { firstDifference, reproduceText } from "../../../dagger/lib/report/reproduce.ts"
import type { Differing, Reproduced } from "../../../dagger/lib/reproduce/reproduce.ts"
import { noPython, runProbe } from "./python.ts"

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex")

describe.skipIf(noPython)("two images", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-differ-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  let count = 0

  const tar = (root: string): Buffer =>
    execFileSync("tar", [
      "-c",
      "--sort=name",
      "--mtime=@0",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "-C",
      root,
      ".",
    ])

  /** An OCI archive made for real: a folder of files for each layer. */
  function make(layers: Record<string, string>[], env: string[] = []): { path: string; digest: string } {
    const root = join(folder, `${++count}`)
    const blobs = join(root, "image/blobs/sha256")
    mkdirSync(blobs, { recursive: true })
    const add = (mediaType: string, data: Buffer | string) => {
      writeFileSync(join(blobs, sha256(data)), data)
      return { mediaType, digest: `sha256:${sha256(data)}`, size: Buffer.byteLength(data) }
    }
    const described = layers.map((files, index) => {
      const layer = join(root, `layer-${index}`)
      mkdirSync(layer)
      for (const [name, text] of Object.entries(files)) writeFileSync(join(layer, name), text)
      return add("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar(layer)))
    })
    const config = add(
      "application/vnd.oci.image.config.v1+json",
      JSON.stringify({ os: "linux", config: { Env: env } }),
    )
    const manifest = add(
      "application/vnd.oci.image.manifest.v1+json",
      JSON.stringify({ schemaVersion: 2, config, layers: described }),
    )
    writeFileSync(join(root, "image/index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }))
    const path = join(root, "image.tar")
    execFileSync("tar", ["-cf", path, "-C", join(root, "image"), "."])
    return { path, digest: manifest.digest }
  }

  async function differing(one: ReturnType<typeof make>, other: ReturnType<typeof make>): Promise<Differing> {
    const ran = await runProbe("differ_probe.py", one.path, other.path, "--digests", one.digest, other.digest)
    expect(ran.exitCode, ran.stderr).toBe(0)
    return JSON.parse(ran.stdout)
  }

  it("that are the same differ nowhere", async () => {
    const one = make([{ a: "1" }])
    expect(await differing(one, make([{ a: "1" }]))).toEqual({ schema: 1, config: [], layers: [] })
  })

  it("are told apart by layer and path: another content, a file too many, one too few", async () => {
    const found = await differing(
      make([{ same: "x" }, { log: "at 1", gone: "", kept: "k" }]),
      make([{ same: "x" }, { log: "at 2", come: "", kept: "k" }]),
    )
    expect(found.layers).toEqual([
      {
        layer: 2,
        count: 3,
        files: [
          { path: "./come", what: "only in the rebuilt image" },
          { path: "./gone", what: "only in the released image" },
          { path: "./log", what: "content" },
        ],
      },
    ])
  })

  it("are told apart by their configs and by a layer that one of them does not have", async () => {
    const found = await differing(make([{ a: "1" }], ["A=1"]), make([{ a: "1" }, { b: "2" }], ["A=2"]))
    expect(found.config).toEqual(["config.Env"])
    expect(found.layers.map(({ layer, files }) => [layer, files.map(({ path }) => path)])).toEqual([[2, [".", "./b"]]])
  })

  it("that are not there are told so", async () => {
    const one = make([{ a: "1" }])
    const ran = await runProbe(
      "differ_probe.py",
      one.path,
      one.path,
      "--digests",
      one.digest,
      `sha256:${"0".repeat(64)}`,
    )
    expect(ran.exitCode).not.toBe(0)
    expect(ran.stderr).toContain("holds no image")
  })
})

describe("what reproduce says", () => {
  const digest = (digit: string) => `sha256:${digit.repeat(64)}`
  const differs: Reproduced = {
    family: "family-web",
    fingerprint: "0".repeat(16),
    seconds: 4,
    released: digest("a"),
    rebuilt: digest("b"),
    same: false,
    differing: {
      schema: 1,
      config: [],
      layers: [
        {
          layer: 5,
          count: 2,
          files: [
            { path: "var/log/dpkg.log", what: "content, size" },
            { path: "x", what: "mode" },
          ],
        },
      ],
    },
  }

  it("is the digest where nothing differs", () => {
    expect(reproduceText({ ...differs, differing: undefined, rebuilt: digest("a"), same: true })).toContain(
      `reproduced: ${digest("a")}`,
    )
  })

  it("is the first file that differs, and how many do", () => {
    const text = reproduceText(differs)
    expect(text).toContain("var/log/dpkg.log in layer 5: content, size")
    expect(text).toContain("2 differ")
    expect(text).not.toContain("moved on")
  })

  it("is one line for a table: the first of all differences", () => {
    expect(firstDifference({ ...differs, same: true })).toBeUndefined()
    expect(firstDifference(differs)).toBe("var/log/dpkg.log in layer 5: content, size")
    const config = { ...differs.differing!, layers: [], config: ["config.Labels"] }
    expect(firstDifference({ ...differs, differing: config })).toBe("config: config.Labels")
  })

  it("tells a base that moved on apart from that, too", () => {
    const base = { name: "debian", from: digest("c"), to: digest("d") }
    expect(reproduceText({ ...differs, base })).toContain(
      "debian was made of other packages: sha256:cccccccccccc → sha256:dddddddddddd",
    )
    expect(firstDifference({ ...differs, base })).toMatch(/^the archive moved on: debian was made/)
  })

  it("tells packages that moved on apart from that", () => {
    const changed = [{ kind: "debian" as const, name: "libssl3", from: "3.0.15-1", to: "3.0.17-1" }]
    expect(reproduceText({ ...differs, moved: { added: [], removed: [], changed } })).toContain(
      "the archive moved on: libssl3 3.0.15-1 → 3.0.17-1",
    )
  })
})
