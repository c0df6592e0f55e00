import { describe, expect, it } from "vitest"
import { progressLines, readProgress } from "../../../dagger/lib/build/progress.ts"

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
const vertex = (digest: string, name: string, more = {}) => JSON.stringify({ vertexes: [{ digest, name, ...more }] })
const log = (of: string, text: string) =>
  JSON.stringify({ logs: [{ vertex: of, data: Buffer.from(text).toString("base64") }] })

describe("bake's progress", () => {
  it("counts what ran and what came from the cache, and the seconds in which a target was at work", () => {
    const { targets, failure } = readProgress(
      [
        vertex("1", "[web 1/3] FROM debian", { started: at(0), completed: at(0), cached: true }),
        vertex("2", "[web 2/3] RUN a", { started: at(0) }),
        vertex("2", "[web 2/3] RUN a", { started: at(0), completed: at(4) }),
        vertex("3", "[web made 1/2] RUN b", { started: at(2), completed: at(6) }),
        vertex("4", "[internal] load build definition", { started: at(0), completed: at(9) }),
      ].join("\n"),
      { order: ["web", "torch"] },
    )
    expect(targets).toEqual({ web: { ran: 2, cached: 1, seconds: 6 } })
    expect(failure).toBeUndefined()
  })

  it("tells the failing step with the last lines it printed, escapes removed", () => {
    const { failure } = readProgress(
      [
        vertex("2", "[web 2/3] RUN pip", { started: at(0) }),
        log("2", "Collecting x\n\u001b[31mERROR: no match\u001b[0m\n"),
        vertex("2", "[web 2/3] RUN pip", { started: at(0), completed: at(1), error: "exit code: 1" }),
        vertex("3", "[torch 2/3] RUN y", { completed: at(1), error: "context canceled" }),
        "ERROR: target web: failed to solve",
      ].join("\n"),
      { order: ["web", "torch"] },
    )
    expect(failure).toBe("[web 2/3] RUN pip\nCollecting x\nERROR: no match\nexit code: 1")
  })

  it("does not take a cache that is not there yet for what failed", () => {
    const { failure } = readProgress(
      [
        vertex("1", "[web] importing cache manifest from ghcr.io/small/build_cache:web", {
          ...{ started: at(0), completed: at(1), error: "ghcr.io/small/build_cache:web: not found" },
        }),
        vertex("2", "[web 2/3] RUN pip", { started: at(1), completed: at(2), error: "exit code: 1" }),
      ].join("\n"),
      { order: ["web"] },
    )
    expect(failure).toBe("[web 2/3] RUN pip\nexit code: 1")
  })

  it("counts a step that a child shares with its parent for the parent", () => {
    const times = { started: at(0), completed: at(2) }
    const shared = [vertex("1", "[base stage-0 1/1] RUN a", times), vertex("1", "[web stage-0 1/1] RUN a", times)]
    expect(readProgress(shared.join("\n"), { order: ["base", "web"] }).targets).toEqual({
      base: { ran: 1, cached: 0, seconds: 2 },
    })
  })

  it("counts the steps of a file's only target for it, though bake leaves its name out", () => {
    const times = { started: at(0), completed: at(2) }
    const lines = [
      vertex("1", "[2/3] RUN a", times),
      vertex("2", "[lock 1/1] COPY b", { ...times, cached: true }),
      vertex("3", "[internal] load metadata", times),
    ]
    expect(readProgress(lines.join("\n"), { order: ["web"], only: true }).targets).toEqual({
      web: { ran: 1, cached: 1, seconds: 2 },
    })
  })

  it("reads documents that are spread over many lines", () => {
    const spread = JSON.stringify(
      { vertexes: [{ digest: "1", name: "[web 1/1] RUN a", started: at(0), completed: at(2) }] },
      null,
      2,
    )
    expect(readProgress(`${spread}\n${spread}\n`, { order: ["web"] }).targets).toEqual({
      web: { ran: 1, cached: 0, seconds: 2 },
    })
  })

  it("becomes lines for people as it comes", () => {
    const lines = progressLines()
    const stream = [vertex("1", "[web 1/1] RUN a", { started: at(0) }), log("1", "Collecting x\n"), "ERROR: failed"]
    expect(stream.flatMap(lines)).toEqual(["[web 1/1] RUN a …", "  Collecting x", "ERROR: failed"])
  })

  it("tells bake's own last words when no step failed", () => {
    expect(readProgress("ERROR: failed to find target nope\n", { order: [] }).failure).toBe(
      "ERROR: failed to find target nope",
    )
  })
})
