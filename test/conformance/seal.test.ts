import { readFile } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { sealed } from "../../dagger/lib/build/seal.ts"
import { type Artifact, succeeded } from "../../dagger/lib/engine/engine.ts"
import { probe } from "../../dagger/lib/gates/probe.ts"
import { candidates } from "./engines.ts"

const script = await readFile(new URL("seal_cases.py", import.meta.url), "utf8")
const epoch = 1_700_000_000
const sbom = '{"spdxVersion":"SPDX-2.3"}\n'

interface Inside {
  archive: Record<string, string>
  layout: Record<string, string>
  entry: { digest: string; size: number; annotations: unknown }
  bytes: number
  manifest: { annotations: unknown; layers: { digest: string; mediaType: string }[] }
  config: { rootfs: { diff_ids: string[] }; history: unknown[]; config: unknown }
  diffId: string
  members: unknown[]
}

describe.each(candidates)("the seal on $name", ({ open, skip }) => {
  const cases = skip ? it.skip : it
  let opened: OpenEngine
  beforeAll(async () => {
    if (!skip) opened = await open()
  })
  afterAll(() => opened?.close())

  const python = async (argv: string[], inputs: Record<string, Artifact> = {}) => {
    const { engine } = opened
    const step = {
      name: argv.join(" "),
      image: "toolbox:run" as const,
      argv: ["python3", "-I", "-B", "/fairlead/seal_cases.py", ...argv] as [string, ...string[]],
      inputs: {
        "/fairlead/seal_cases.py": engine.file("seal_cases.py", script),
        "/fairlead/archive_probe.py": probe(engine, "archive_probe.py"),
        ...inputs,
      },
      outputs: { image: "/out/image.tar" },
    }
    return succeeded(step, await engine.run(step))
  }
  const made = async (what: string) => (await python(["make", what])).outputs.image!
  const seal = (archive: Artifact, more: { profile?: Artifact; layout?: boolean } = {}) =>
    sealed(opened.engine, "web", {
      ...{ archive, epoch, layout: false, ...more },
      sbom: opened.engine.file("sbom.spdx.json", sbom),
    })
  const inside = async ({ archive, layout }: { archive: Artifact; layout?: Artifact }): Promise<Inside> => {
    const inputs = { "/in/image.tar": archive, ...(layout ? { "/in/layout": layout } : {}) }
    return JSON.parse((await python(["look"], inputs)).stdout)
  }

  cases("is one layer of its own files on top of an image that stays as it is", async () => {
    const archive = await made("whole")
    const profile = opened.engine.file("machine-profile.json", "{}\n")
    const answer = await seal(archive, { profile, layout: true })
    const found = await inside(answer)
    expect(found.members).toEqual([
      ["usr/share/fairlead", "0o755", 0, epoch, ""],
      ["usr/share/fairlead/sbom.spdx.json.gz", "0o644", 0, epoch, sbom],
      ["etc/machine-profile.json", "0o644", 0, epoch, "{}\n"],
    ])
    expect(answer).toMatchObject({ digest: found.entry.digest, bytes: found.bytes })
    expect(found.entry).toMatchObject({ size: found.bytes, annotations: { c: "d" } })
    expect(found.manifest).toMatchObject({ annotations: { a: "b" } })
    expect(found.manifest.layers.map(({ mediaType }) => mediaType)).toEqual(
      Array(2).fill("application/vnd.oci.image.layer.v1.tar+zstd"),
    )
    expect(found.config.rootfs.diff_ids).toEqual([expect.any(String), found.diffId])
    expect(found.config).toMatchObject({ os: "linux", config: { Env: ["A=<b>&c"] }, moby: {} })
    expect(found.config.history).toEqual([{ created_by: "COPY <x>" }, expect.objectContaining({ comment: "fairlead" })])
    // Every blob is under its own digest, and the layout has the very same files.
    for (const [name, digest] of Object.entries(found.archive).filter(([name]) => name.startsWith("blobs/")))
      expect(name).toBe(`blobs/${digest.replace(":", "/")}`)
    expect(found.layout).toEqual(found.archive)
  })

  cases("has the same bytes each time, and others for another SBOM", async () => {
    const archive = await made("whole")
    const [first, second] = [await seal(archive), await seal(archive)]
    expect(second.digest).toBe(first.digest)
    const sbom = opened.engine.file("sbom.spdx.json", "{}\n")
    const other = await sealed(opened.engine, "web", { archive, sbom, epoch, layout: false })
    expect(other.digest).not.toBe(first.digest)
  })

  cases.each([
    ["two", "the archive has 2 images, one can be sealed"],
    ["damaged", "is damaged"],
    ["lost", "the archive has no blobs/sha256/"],
    ["outside", 'has a file named "../x"'],
    ["index", "index.json"],
    ["nothing", "the archive has no index.json"],
  ])("of an archive with a flaw (%s) is refused in words", async (flaw, said) => {
    const archive = await made(flaw)
    await expect(seal(archive)).rejects.toThrow(said)
  })

  cases("of what is no archive is refused in words", async () => {
    const archive = opened.engine.file("image.tar", "no archive at all ".repeat(100))
    await expect(seal(archive)).rejects.toThrow("is no tar")
  })
})
