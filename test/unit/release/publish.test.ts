import { describe, expect, it } from "vitest"
import { publish, type Release } from "../../../dagger/lib/release/publish.ts"
import type { Registry } from "../../../dagger/lib/release/registry.ts"
import type { ImageTags } from "../../../dagger/lib/release/set-tags.ts"

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const [a, b, c] = [digest("a"), digest("b"), digest("c")]

/** A registry's tags in memory, which dies before the n-th write: the order of writes is what is tested here. */
function registryOf(tags: Map<string, string>, diesAt = Number.POSITIVE_INFINITY) {
  const steps: string[] = []
  let writes = 0
  const write = (change: () => void) => {
    if (++writes >= diesAt) throw new Error("the registry died")
    change()
  }
  const registry = {
    address: { host: "127.0.0.1:5000", org: "small" },
    tls: () => [],
    name: (family: string, tag: string) => `${family}:${tag}`,
    tags: (name: string, argv: string[]) => ({ name, argv }),
    engine: {
      run: async ({ name, argv: [, ...refs] }: { name: string; argv: string[] }) => {
        steps.push(name)
        const lines = refs.map((ref, index) => `${index} ${tags.get(ref) ?? "none"}`)
        return { exitCode: 0, stdout: [...lines, "end"].join("\n"), stderr: "" }
      },
    },
    tag: async (...images: readonly ImageTags[]) => {
      steps.push("tag")
      for (const { family, tags: asked } of images)
        for (const { tag, digest } of asked) write(() => tags.set(`${family}:${tag}`, digest))
    },
  } as unknown as Registry
  return { registry, steps }
}

const release = (name: string, digest: string): Release => ({
  family: "web",
  tag: name,
  digest,
  fingerprint: `f${digest}`,
})

const publishTo = async (tags: Map<string, string>, what: Release, diesAt?: number) =>
  (await publish(registryOf(tags, diesAt).registry, [what]))[0]

describe("publishing", () => {
  it("has no previous release at first", async () => {
    const tags = new Map<string, string>()
    expect(await publishTo(tags, release("1", a))).toEqual({ digest: a })
    expect([...tags.keys()].sort()).toEqual(["web:1", "web:current", `web:fp-f${a}`])
  })

  it("keeps what was current as -prev of the new tag", async () => {
    const tags = new Map<string, string>()
    await publishTo(tags, release("1", a))
    expect(await publishTo(tags, release("2", b))).toEqual({ digest: b, previous: a })
    expect(tags.get("web:2-prev")).toBe(a)
  })

  it("gives an unchanged image its new tag, with the same -prev as before", async () => {
    const tags = new Map<string, string>()
    for (const [tag, digest] of [
      ["1", a],
      ["2", b],
      ["3", b],
    ] as const)
      await publishTo(tags, release(tag, digest))
    expect([tags.get("web:3"), tags.get("web:3-prev")]).toEqual([b, a])
  })

  it("goes back to an older image with -prev naming the one that it replaces", async () => {
    const tags = new Map<string, string>()
    for (const [tag, digest] of [
      ["1", a],
      ["2", b],
      ["3", a],
    ] as const)
      await publishTo(tags, release(tag, digest))
    expect([tags.get("web:3"), tags.get("web:3-prev")]).toEqual([a, b])
  })

  it("leaves the old release whole wherever it is cut off, and the next run ends as if nothing had happened", async () => {
    const whole = new Map<string, string>()
    await publishTo(whole, release("1", a))
    await publishTo(whole, release("2", b))
    for (let diesAt = 1; diesAt <= 5; diesAt++) {
      const tags = new Map<string, string>()
      await publishTo(tags, release("1", a))
      await publishTo(tags, release("2", b), diesAt).catch(() => {})
      expect(tags.get("web:1"), `old tag, cut off at write ${diesAt}`).toBe(a)
      expect(tags.get("web:2-prev"), `-prev, cut off at write ${diesAt}`).not.toBe(b)
      await publishTo(tags, release("2", b))
      expect(tags, `cut off at write ${diesAt}`).toEqual(whole)
    }
  })
})

describe("publishing what the registry has", () => {
  const images = ["plain", "web"]
  const started = () =>
    new Map(images.flatMap((each) => [[`${each}:1`, b] as const, [`${each}:current`, b], [`${each}:current-prev`, a]]))
  const releases = (tag: string, digest: string) => images.map((family) => ({ family, tag, digest }))

  it("gives all of them their new tag and the same -prev, however many, with two steps", async () => {
    const tags = started()
    const { registry, steps } = registryOf(tags)
    expect(await publish(registry, releases("2", b))).toEqual(images.map(() => ({ digest: b, previous: a })))
    for (const each of images) expect([tags.get(`${each}:2`), tags.get(`${each}:2-prev`)]).toEqual([b, a])
    expect(tags.get("web:current-prev")).toBe(a)
    expect(steps).toEqual(["look up 2 images", "tag"])
  })

  it("keeps what was current as -prev where an older image comes back", async () => {
    const tags = started()
    await publish(registryOf(tags).registry, releases("2", c))
    const names = ["2", "2-prev", "current", "current-prev"]
    expect(names.map((each) => tags.get(`web:${each}`))).toEqual([c, b, c, b])
  })

  it("has no -prev for what was never released", async () => {
    const tags = new Map<string, string>()
    expect(await publish(registryOf(tags).registry, releases("1", a))).toEqual(images.map(() => ({ digest: a })))
    expect([...tags.keys()].filter((each) => each.endsWith("-prev"))).toEqual([])
  })

  it("ends as if nothing had happened when it is done again, wherever it was cut off", async () => {
    const whole = started()
    await publish(registryOf(whole).registry, releases("2", c))
    for (let diesAt = 1; diesAt <= 8; diesAt++) {
      const tags = started()
      await publish(registryOf(tags, diesAt).registry, releases("2", c)).catch(() => {})
      for (const each of images) expect(tags.get(`${each}:2-prev`), `cut off at write ${diesAt}`).not.toBe(c)
      await publish(registryOf(tags).registry, releases("2", c))
      expect(tags, `cut off at write ${diesAt}`).toEqual(whole)
    }
  })
})
