import { describe, expect, it } from "vitest"
import { AttachedRecords } from "../../../dagger/lib/release/attached.ts"
import type { Registry } from "../../../dagger/lib/release/registry.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
import { newPair } from "../attest/keys.ts"
import { digest, holding, pair } from "./holding.ts"

const record = { ...tinyRecord("web", digest), revision: "abc1234" }
const now = new Date("2026-11-22T12:00:00Z")

function on(registry: Registry, key = pair.publicKey) {
  const trust = { keys: [key], from: "policy.signing.keys in fleet.yaml" } as const
  return new AttachedRecords({ registry, trust, now })
}

describe("records that hang on their images", () => {
  it("are found by digest once somebody has said what image it is", async () => {
    const records = on(holding(record, "ghcr.io"))
    expect(await records.byDigest(digest)).toBeUndefined()
    expect(await records.byDigest(digest, "web")).toMatchObject({ revision: "abc1234", digest })
    expect(await records.byDigest(digest)).toMatchObject({ revision: "abc1234" })
  })

  it("do not count where nobody trusted signed them, or where they are about another image", async () => {
    expect(await on(holding(record, "ghcr.io"), newPair().publicKey).byDigest(digest, "web")).toBeUndefined()
    expect(await on(holding(record, "ghcr.io")).byDigest(digest, "other")).toBeUndefined()
  })

  it("are asked for again where the registry could not be asked", async () => {
    const registry = holding(record, "ghcr.io")
    const { manifest } = registry
    registry.manifest = async () => Promise.reject(new Error("away"))
    const records = on(registry)
    await expect(records.byDigest(digest, "web")).rejects.toThrow("away")
    registry.manifest = manifest
    expect(await records.byDigest(digest, "web")).toMatchObject({ digest })
  })

  it("tell releases by their tags, the newest day first, and nothing else", async () => {
    const tags = ["20261101-aaaaaaa", "current", "20261122-bbbbbbb", "20261122-bbbbbbb-prev", "fp-1234"]
    const engine = {
      run: async ({ argv }: { argv: string[] }) => ({
        ...{ exitCode: 0, stderr: "", seconds: 0, outputs: {} },
        stdout: argv.includes("list-tags") ? JSON.stringify({ Tags: tags }) : lines(argv),
      }),
    }
    const lines = ([, ...names]: string[]) => names.map((_, index) => `${index} ${digest}\n`).join("")
    const step = (name: string, argv: string[]) => ({ name, argv })
    const names = { ref: () => "docker://x/y:", name: (_: string, tag: string) => tag }
    const registry = { engine, step, tags: step, tls: () => [], ...names } as unknown as Registry
    expect(await on(registry).releases("web")).toEqual([
      { tag: "20261122-bbbbbbb", digest },
      { tag: "20261101-aaaaaaa", digest },
    ])
  })
})
