import { describe, expect, it } from "vitest"
import { bake } from "../../../dagger/lib/build/bake.ts"
import type { Engine, Ran, Step } from "../../../dagger/lib/engine/engine.ts"
import type { Yard } from "../../../dagger/lib/yard.ts"
import { smallFleet } from "../../fleets/small.ts"

const ranStep = JSON.stringify({
  vertexes: [
    {
      ...{ digest: "1", name: "[plain 1/1] RUN x" },
      ...{ started: "2026-01-01T00:00:00Z", completed: "2026-01-01T00:00:07Z" },
    },
  ],
})

/** An engine whose answers began this many seconds ago; the last one is given again and again. */
function answering(...answers: { ago: number; exitCode?: number }[]) {
  const looks: Step["look"][] = []
  const engine = {
    name: "dagger",
    file: (name: string) => ({ kind: "file", name, handle: name }),
    read: async () => "{}",
    run: async ({ look }: Step): Promise<Ran> => {
      const { ago, exitCode = 0 } = answers[Math.min(looks.length, answers.length - 1)]!
      looks.push(look)
      const stdout = `started ${Date.now() - ago * 1000 + 1}\n`
      const outputs = { metadata: { kind: "file" as const, name: "metadata", handle: "" } }
      return { exitCode, stdout, stderr: exitCode === 0 ? ranStep : "no space left", outputs, seconds: 0 }
    },
  } as unknown as Engine
  const registry = { host: "127.0.0.1:5000", org: "small" }
  const yard = {
    engine,
    fleet: smallFleet(),
    registry,
    bases: {},
    source: engine.file("source", ""),
  } as unknown as Yard
  return { yard, looks }
}

const file = { group: { default: { targets: ["plain"] } }, target: {} }
const asked = { name: "build plain", family: "plain", file }

describe("a solve", () => {
  it("tells what ran when it ran now", async () => {
    const { yard, looks } = answering({ ago: 0 })
    const { progress } = await bake(yard, asked)
    expect(progress.targets.plain).toEqual({ ran: 1, cached: 0, seconds: 7 })
    expect(looks).toEqual(["once"])
  })

  it("tells that nothing ran when the engine knew its answer", async () => {
    const { yard } = answering({ ago: 60 })
    expect((await bake(yard, asked)).progress.targets.plain).toEqual({ ran: 0, cached: 1, seconds: 0 })
  })

  it("is not answered from what the engine knows when it has to run", async () => {
    const { yard, looks } = answering({ ago: 0 })
    await bake(yard, { ...asked, anew: true })
    expect(looks).toEqual(["again"])
  })

  it("is tried again where the engine only knew that it failed", async () => {
    const { yard, looks } = answering({ ago: 60, exitCode: 1 }, { ago: 0 })
    expect((await bake(yard, asked)).progress.targets.plain).toEqual({ ran: 1, cached: 0, seconds: 7 })
    expect(looks).toEqual(["once", "again"])
  })

  it("is tried once when it failed now", async () => {
    const { yard, looks } = answering({ ago: 0, exitCode: 1 })
    await expect(bake(yard, asked)).rejects.toThrow(/build plain.*exited 1|no space left/)
    expect(looks).toEqual(["once"])
  })
})
