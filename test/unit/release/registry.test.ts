import { describe, expect, it } from "vitest"
import type { Engine, Ran } from "../../../dagger/lib/engine/engine.ts"
import { digestsOf } from "../../../dagger/lib/release/digests.ts"
import { Registry } from "../../../dagger/lib/release/registry.ts"
import { sha256 } from "../../../dagger/lib/sha256.ts"

const manifest = '{"schemaVersion":2}'
const whole = `${manifest}\n${sha256(manifest)}\n`
const digest = `sha256:${"a".repeat(64)}`

/** A registry whose steps answer like this, one after the other. */
function answering(...answers: (string | Partial<Ran>)[]) {
  const engine = {
    run: async () => {
      const next = answers.shift() ?? {}
      const ran = typeof next === "string" ? { stdout: next } : next
      return { exitCode: 0, stdout: "", stderr: "", outputs: {}, seconds: 0, ...ran }
    },
  } as unknown as Engine
  return { registry: new Registry(engine, { host: "127.0.0.1:5000", org: "small" }), left: answers }
}

describe("a manifest", () => {
  it("is asked for again where the answer was cut off, or is another one's", async () => {
    const { registry, left } = answering("", whole.slice(0, -30), whole)
    expect(await registry.manifest("web", "current")).toBe(manifest)
    expect(left).toEqual([])
    expect(await answering(whole.replace("2", "3"), whole).registry.manifest("web", "1")).toBe(manifest)
  })

  it("is none where the registry has nothing by that name", async () => {
    expect(await answering({ exitCode: 4 }).registry.manifest("web", "1")).toBeUndefined()
  })

  it("is no answer where it is cut off time and again, or the registry cannot be asked", async () => {
    await expect(answering("", "", "", whole).registry.manifest("web", "1")).rejects.toMatchObject({ exitCode: 3 })
    const refused = { exitCode: 1, stderr: "connection refused" }
    await expect(answering(refused, whole).registry.manifest("web", "1")).rejects.toThrow("connection refused")
  })
})

describe("tags", () => {
  it("are asked for again where the answers were cut off", async () => {
    const { registry, left } = answering("", `0 ${digest}\n`, `1 none\n0 ${digest}\nend\n`)
    const names = ["1", "2"].map((tag) => ({ family: "web", tag }))
    expect(await digestsOf(registry, names)).toEqual([digest, undefined])
    expect(left).toEqual([])
  })
})
