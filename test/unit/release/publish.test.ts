import { describe, expect, it } from "vitest"
import { publish, type Release } from "../../../dagger/lib/release/publish.ts"
import type { Registry, Tagging } from "../../../dagger/lib/release/registry.ts"

/** A registry's tags in memory, which dies before the n-th write: the order of writes is what is tested here. */
class DyingRegistry {
  readonly address = { host: "127.0.0.1:5000", org: "small" }
  private writes = 0
  constructor(
    readonly tags: Map<string, string>,
    private readonly diesAt = Number.POSITIVE_INFINITY,
  ) {}

  digestOf = async (_family: string, tag: string) => this.tags.get(tag)
  upload = async () => this.write(() => {})
  tag = async (_family: string, tags: readonly Tagging[]) => {
    for (const { tag, digest } of tags) this.write(() => this.tags.set(tag, digest))
  }

  private write(change: () => void) {
    if (++this.writes >= this.diesAt) throw new Error("the registry died")
    change()
  }
}

const release = (name: string, digest: string): Release => ({
  family: "web",
  tag: name,
  digest,
  fingerprint: `f${digest}`,
  archive: { kind: "file", name: "web.tar", handle: undefined },
})

const publishTo = (tags: Map<string, string>, what: Release, diesAt?: number) =>
  publish(new DyingRegistry(tags, diesAt) as unknown as Registry, what)

describe("publishing", () => {
  it("has no previous release at first", async () => {
    const tags = new Map<string, string>()
    expect(await publishTo(tags, release("1", "a"))).toEqual({ digest: "a" })
    expect([...tags.keys()].sort()).toEqual(["1", "current", "fp-fa"])
  })

  it("keeps what was current as -prev of the new tag", async () => {
    const tags = new Map<string, string>()
    await publishTo(tags, release("1", "a"))
    expect(await publishTo(tags, release("2", "b"))).toEqual({ digest: "b", previous: "a" })
    expect(tags.get("2-prev")).toBe("a")
  })

  it("gives an unchanged image its new tag, with the same -prev as before", async () => {
    const tags = new Map<string, string>()
    for (const [tag, digest] of [
      ["1", "a"],
      ["2", "b"],
      ["3", "b"],
    ] as const)
      await publishTo(tags, release(tag, digest))
    expect([tags.get("3"), tags.get("3-prev")]).toEqual(["b", "a"])
  })

  it("goes back to an older image with -prev naming the one that it replaces", async () => {
    const tags = new Map<string, string>()
    for (const [tag, digest] of [
      ["1", "a"],
      ["2", "b"],
      ["3", "a"],
    ] as const)
      await publishTo(tags, release(tag, digest))
    expect([tags.get("3"), tags.get("3-prev")]).toEqual(["a", "b"])
  })

  it("attaches the record after the bytes and before any tag, and sets none when that fails", async () => {
    const tags = new Map<string, string>()
    const order: string[] = []
    const registry = {
      address: { host: "127.0.0.1:5000", org: "small" },
      digestOf: async (_: string, tag: string) => tags.get(tag),
      upload: async () => void order.push("bytes"),
      tag: async (_: string, asked: readonly Tagging[]) => {
        for (const { tag, digest } of asked) {
          order.push(tag)
          tags.set(tag, digest)
        }
      },
    } as unknown as Registry
    const dead = { ...release("1", "a"), attest: () => Promise.reject(new Error("the registry died")) }
    await expect(publish(registry, dead)).rejects.toThrow("died")
    expect([order, tags.size]).toEqual([["bytes"], 0])
    await publish(registry, { ...release("1", "a"), attest: async () => void order.push("record") })
    expect(order.slice(1, 4)).toEqual(["bytes", "record", "1"])
  })

  it("leaves the old release whole wherever it is cut off, and the next run ends as if nothing had happened", async () => {
    const whole = new Map<string, string>()
    await publishTo(whole, release("1", "a"))
    await publishTo(whole, release("2", "b"))
    for (let diesAt = 1; diesAt <= 6; diesAt++) {
      const tags = new Map<string, string>()
      await publishTo(tags, release("1", "a"))
      await publishTo(tags, release("2", "b"), diesAt).catch(() => {})
      expect(tags.get("1"), `old tag, cut off at write ${diesAt}`).toBe("a")
      expect(tags.get("2-prev"), `-prev, cut off at write ${diesAt}`).not.toBe("b")
      await publishTo(tags, release("2", "b"))
      expect(tags, `cut off at write ${diesAt}`).toEqual(whole)
    }
  })
})
