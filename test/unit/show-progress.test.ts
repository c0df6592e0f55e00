import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Progress } from "../../cli/show/progress.ts"

let told: string[]
beforeEach(() => {
  told = []
  vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(String(text)) > 0)
})
afterEach(() => vi.restoreAllMocks())

const vertex = { digest: "1", name: "[plain 1/1] RUN x", started: "2026-01-01T00:00:00Z", cached: true }

describe("what tools say, with -v", () => {
  it("is told in words where it is bake's, and nothing of what is for programs", () => {
    const progress = new Progress({ verbose: true })
    progress.tool("build plain", "started 1795447398550")
    progress.tool("build plain", JSON.stringify({ vertexes: [vertex] }))
    expect(told).toEqual(["build plain | [plain 1/1] RUN x CACHED\n"])
  })

  it("is told as it is where it is another's", () => {
    const progress = new Progress({ verbose: true })
    progress.tool("scan plain", "2 packages")
    progress.tool("scan plain", '{ "a": 1 }')
    expect(told).toEqual(["scan plain | 2 packages\n", 'scan plain | { "a": 1 }\n'])
  })

  it("is not told without it", () => {
    new Progress({}).tool("scan plain", "2 packages")
    expect(told).toEqual([])
  })
})
