import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import { against, type SbomFacts, sbom } from "../../../dagger/lib/gates/sbom.ts"
import type { Package } from "../../../dagger/lib/release/contents.ts"
import { contractFacts, rulesFor } from "./facts.ts"
import { noPython, runProbe } from "./python.ts"

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const inside = contractFacts("family-web").inside!
const listed: Package[] = [
  { kind: "debian", name: "tini", version: "0.19.0-1" },
  { kind: "python", name: "FastAPI", version: "0.110.0" },
  { kind: "python", name: "starlette", version: "0.37.2" },
]

const judge = (packages: Package[], other: Partial<SbomFacts> = {}) =>
  sbom.judge(
    { digest: digest("c"), document: digest("d"), sealed: digest("d"), ...against(packages, inside), ...other },
    rulesFor("family-web"),
  )

describe("sbom", () => {
  it("passes a document that lists what is installed, however names are spelled", () => {
    expect(judge(listed)).toMatchObject({ verdict: "PASS", findings: [], brief: "3 pkg", facts: { packages: listed } })
  })

  it("names each package that is left out, or listed in another version", () => {
    const { verdict, findings } = judge([listed[0]!, { ...listed[2]!, version: "0.37.3" }])
    expect(verdict).toBe("FAIL")
    expect(findings.map(({ what }) => what)).toEqual([
      "python package fastapi 0.110.0 is installed, and the SBOM has it not at all",
      "python package starlette 0.37.2 is installed, and the SBOM has it in 0.37.3",
    ])
  })

  it("lists what no package manager knows, and fails nothing for it", () => {
    const { verdict, notes } = judge([...listed, { kind: "other", name: "python", version: "3.11.2" }])
    expect([verdict, notes?.[0]?.what]).toEqual(["PASS", "in the SBOM and in no package manager's list: python 3.11.2"])
  })

  it("fails an image that carries no document, or another one", () => {
    expect(judge(listed, { sealed: null }).findings).toMatchObject([
      { what: expect.stringContaining("carries no SBOM") },
    ])
    expect(judge(listed, { sealed: digest("e") }).findings).toMatchObject([
      { what: expect.stringContaining(digest("e")) },
    ])
    const none = judge([], { document: null, sealed: null })
    expect([none.verdict, none.findings.length]).toEqual(["FAIL", 1])
  })

  it("reads back facts that were kept, and refuses others", () => {
    const { facts } = judge(listed)
    expect(sbom.recall(JSON.parse(JSON.stringify(facts)))).toEqual(facts)
    expect(() => sbom.recall({ ...facts, installed: { debian: 0, python: 2 } })).toThrow(/installed/)
  })
})

describe.skipIf(noPython)("the sealed document in an archive", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-sbom-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const path = "usr/share/fairlead/sbom.spdx.json.gz"
  const text = '{"spdxVersion":"SPDX-2.3"}\n'
  const sha256 = (data: string | Buffer) => `sha256:${createHash("sha256").update(data).digest("hex")}`
  let count = 0

  /** An archive with these layers, each a set of files, packed with gzip; answers what the probe says of it. */
  async function look(
    layers: Record<string, string | Buffer>[],
    breaks: (blobs: Map<string, Buffer>) => void = () => {},
  ) {
    const root = join(folder, `${++count}`)
    const blobs = new Map<string, Buffer>()
    const add = (data: Buffer) => blobs.set(sha256(data), data) && { digest: sha256(data), size: data.length }
    const described = layers.map((files, index) => {
      const tree = join(root, `layer${index}`)
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(tree, name)), { recursive: true })
        writeFileSync(join(tree, name), content)
      }
      const tar = execFileSync("tar", ["--create", "--directory", tree, "--file", "-", "."])
      return { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...add(gzipSync(tar)) }
    })
    const manifest = add(Buffer.from(JSON.stringify({ config: add(Buffer.from("{}")), layers: described })))
    breaks(blobs)
    const layout = join(root, "layout")
    mkdirSync(join(layout, "blobs/sha256"), { recursive: true })
    for (const [name, data] of blobs) writeFileSync(join(layout, "blobs/sha256", name.slice(7)), data)
    writeFileSync(join(layout, "index.json"), JSON.stringify({ manifests: [manifest] }))
    execFileSync("tar", ["--create", "--directory", layout, "--file", join(root, "image.tar"), "."])
    const output = join(root, "out.json")
    const argv = [join(root, "image.tar"), `--digest=${manifest.digest}`, `--path=/${path}`, `--output=${output}`]
    const ran = await runProbe("sbom_probe.py", ...argv)
    return { ran, answer: ran.exitCode === 0 ? JSON.parse(ran.stdout).sealed : undefined, output }
  }

  it("is found under layers that have nothing to do with it, and hashed unpacked", async () => {
    const { ran, answer, output } = await look([{ "etc/x": "1" }, { [path]: gzipSync(text) }, { "etc/y": "2" }])
    expect(ran.stderr).toBe("")
    expect(answer).toMatchObject({ sha256: sha256(text), bytes: text.length })
    expect(readFileSync(output, "utf8")).toBe(text)
  })

  it("is the last one that was put there", async () => {
    expect((await look([{ [path]: gzipSync("old") }, { [path]: gzipSync(text) }])).answer.sha256).toBe(sha256(text))
  })

  it("is none where a later layer took it or its folder away", async () => {
    const seal = { [path]: gzipSync(text) }
    expect((await look([seal, { "usr/share/fairlead/.wh.sbom.spdx.json.gz": "" }])).answer).toBeNull()
    expect((await look([seal, { "usr/share/.wh.fairlead": "" }])).answer).toBeNull()
    expect((await look([seal, { "usr/share/.wh..wh..opq": "" }])).answer).toBeNull()
    expect((await look([{ "etc/x": "1" }])).answer).toBeNull()
  })

  it("is refused when its layer is not what the manifest says, or it is not packed", async () => {
    const other = await look([{ [path]: gzipSync(text) }], (blobs) => {
      const [layer] = [...blobs.keys()]
      const tar = execFileSync("tar", ["--create", "--directory", join(folder, "2/layer0"), "--file", "-", "."])
      blobs.set(layer!, gzipSync(tar))
    })
    expect([other.ran.exitCode, other.ran.stderr]).toEqual([1, expect.stringMatching(/is damaged/)])
    const plain = await look([{ [path]: "no gzip" }])
    expect([plain.ran.exitCode, plain.ran.stderr]).toEqual([1, expect.stringMatching(/cannot be read/)])
  })

  it("is refused when the archive is of another image", async () => {
    const { ran } = await look([{ [path]: gzipSync(text) }], (blobs) => {
      const manifest = [...blobs.keys()].at(-1)!
      blobs.set(manifest, Buffer.from('{"layers":[]}'))
    })
    expect([ran.exitCode, ran.stderr]).toEqual([1, expect.stringMatching(/of another image/)])
  })
})
