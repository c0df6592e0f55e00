import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { sameAnswers } from "../../../dagger/lib/release/record.ts"
import { FolderStore, MemoryStore, type PublishedRelease, type RecordStore } from "../../../dagger/lib/release/store.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "records-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const at = (day: number) => `2026-11-${String(day).padStart(2, "0")}T12:00:00.000Z`
const release = (tag: string, more: Partial<PublishedRelease> = {}): PublishedRelease => ({
  ...{ family: "web", tag, ref: `127.0.0.1:5000/small/web:${tag}`, digest: digest("a"), at: at(1) },
  ...more,
})

const stores: [string, () => RecordStore][] = [
  ["in a folder", () => new FolderStore(folder)],
  ["in memory", () => new MemoryStore()],
]

describe.each(stores)("records %s", (_, open) => {
  it("are found by family, fingerprint and digest, and as a history, the newest first", async () => {
    const store = open()
    const [old, now, other] = [
      tinyRecord("web", digest("a"), { at: at(1), fingerprint: "1".repeat(16) }),
      tinyRecord("web", digest("b"), { at: at(2), fingerprint: "2".repeat(16) }),
      tinyRecord("torch", digest("c"), { at: at(3) }),
    ] as const
    for (const each of [old, now, other]) await store.put(each)
    expect(await store.latest("web")).toEqual(now)
    expect(await store.byFingerprint("web", old.fingerprint)).toEqual(old)
    expect(await store.byDigest(digest("a"))).toEqual(old)
    expect(await store.byDigest(digest("c"))).toEqual(other)
    expect(await store.byDigest(digest("d"))).toBeUndefined()
    expect(await store.history("web")).toEqual([now, old])
    expect(await store.history("none")).toEqual([])
  })

  it("of one image are all kept, and the newest counts", async () => {
    const store = open()
    for (const day of [1, 2, 3]) await store.put(tinyRecord("web", digest("a"), { at: at(day) }))
    expect((await store.history("web")).map((each) => each.at)).toEqual([at(3), at(2), at(1)])
    expect((await store.byDigest(digest("a")))?.at).toBe(at(3))
  })

  it("come with what became of building a release again, the last time", async () => {
    const store = open()
    const one = { schema: 1 as const, family: "web", fingerprint: "1".repeat(16), same: true, seconds: 2, at: at(1) }
    const again = {
      ...one,
      released: digest("a"),
      rebuilt: digest("b"),
      same: false,
      difference: "etc/x in layer 2: size",
    }
    expect(await store.reproduction("web")).toBeUndefined()
    await store.putReproduction({ ...one, released: digest("a"), rebuilt: digest("a") })
    await store.putReproduction(again)
    expect(await store.reproduction("web")).toEqual(again)
    expect(await store.history("web")).toEqual([])
  })

  it("come with what was released, the same release once", async () => {
    const store = open()
    for (const each of [release("1"), release("1"), release("2", { digest: digest("b"), at: at(2) })])
      await store.released(each)
    await store.released(release("3", { family: "torch", at: at(3) }))
    expect((await store.releases("web")).map(({ tag }) => tag)).toEqual(["2", "1"])
    expect((await store.releases()).map(({ tag }) => tag)).toEqual(["3", "2", "1"])
  })

  it("keep signed copies", async () => {
    const store = open()
    await store.putSigned("web", digest("a"), { manifest: "m", bundle: "b" })
    expect(await store.signed("web", digest("a"))).toEqual({ manifest: "m", bundle: "b" })
    expect(await store.signed("web", digest("b"))).toBeUndefined()
  })
})

describe("records in a folder", () => {
  it("that were cut off or are of another format are not there, and the others are", async () => {
    const store = new FolderStore(folder)
    await store.put(tinyRecord("web", digest("a"), { at: at(1) }))
    await store.put(tinyRecord("web", digest("b"), { at: at(2), fingerprint: "2".repeat(16) }))
    const [newest] = (await readdir(join(folder, "web", "history"))).sort().reverse()
    await truncate(join(folder, "web", "history", newest!), 100)
    await writeFile(join(folder, "web", "latest.json"), JSON.stringify({ schema: 0 }))
    expect(await store.latest("web")).toBeUndefined()
    expect((await store.history("web")).map((each) => each.digest)).toEqual([digest("a")])
  })

  it("from before there was a history are in it", async () => {
    const store = new FolderStore(folder)
    await store.put(tinyRecord("web", digest("a")))
    await rm(join(folder, "web", "history"), { recursive: true })
    expect((await store.history("web")).map((each) => each.digest)).toEqual([digest("a")])
    expect((await store.byDigest(digest("a")))?.digest).toBe(digest("a"))
  })

  it("leave no draft behind, and keep the newest 200", async () => {
    const store = new FolderStore(folder)
    for (let count = 0; count < 203; count++) {
      const time = new Date(Date.UTC(2026, 0, 1, 0, count)).toISOString()
      await store.put(tinyRecord("web", digest("a"), { at: time }))
    }
    const names = await readdir(join(folder, "web", "history"))
    expect([names.length, names.filter((name) => !name.endsWith(".json"))]).toEqual([200, []])
    expect((await store.history("web")).at(-1)?.at).toBe("2026-01-01T00:03:00.000Z")
  })

  it("lose a release that was cut off, and no other", async () => {
    const store = new FolderStore(folder)
    await store.released(release("1"))
    await store.released(release("2"))
    const path = join(folder, "web", "releases.jsonl")
    await truncate(path, (await readFile(path)).length - 10)
    await store.released(release("3"))
    expect((await store.releases("web")).map(({ tag }) => tag)).toEqual(["3", "1"])
  })

  it("are never looked for outside the folder, whatever a registry calls a statement", async () => {
    await writeFile(join(folder, "secret.json"), JSON.stringify({ manifest: "m", bundle: "b" }))
    expect(await new FolderStore(folder).signed("web", "../../secret")).toBeUndefined()
  })
})

describe("two records of an image", () => {
  const record = tinyRecord("web", digest("a"))
  const { contract } = record.gates
  it("say the same in other words and another order", () => {
    const facts = { b: 1, a: { d: 1, c: 2 } }
    const one = { ...record, gates: { contract: { ...contract!, facts, brief: "one day old" } } }
    const two = { ...record, gates: { contract: { ...contract!, facts: { a: { c: 2, d: 1 }, b: 1 }, brief: "two" } } }
    expect(sameAnswers(one, two)).toBe(true)
  })

  it("do not say the same with another verdict, fact or acceptance", () => {
    const accepted = [{ what: "x", id: "x", package: "x", reason: "x", by: "x", reviewBy: "2026-11-22" }]
    for (const change of [{ verdict: "FAIL" as const }, { facts: {} }, { accepted }])
      expect(sameAnswers(record, { ...record, gates: { contract: { ...contract!, ...change } } })).toBe(false)
  })
})
