import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import { digestIn } from "../../../dagger/lib/release/reference.ts"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { exitCodeOfPrune, type PruneDocument, pruneText } from "../../../dagger/lib/report/prune.ts"
import { oldCaches } from "../../../dagger/lib/rollout/prune/caches.ts"
import { neededOn, type PruneOnHost, prunableOn } from "../../../dagger/lib/rollout/prune/host.ts"
import { prunableIn, type RegistryKeeps } from "../../../dagger/lib/rollout/prune/registry.ts"
import { container, definition, digestOf, image, look, run, snapshot } from "./looks.ts"

const on = (more: Partial<PruneOnHost> = {}): PruneOnHost => ({
  ...{ look: look(), keep: 2, runs: [], pinned: [], names: new Set(["stand-in-p"]) },
  ...{ snapshots: [snapshot(1, { first_service: image("a") })], repositories: ["127.0.0.1:5000/small/"] },
  ...more,
})
const gone = (given: PruneOnHost, kind: string) =>
  prunableOn(given)
    .filter((each) => each.kind === kind)
    .map(({ name }) => name)

/** The same numbers in every run, so that what fails can be looked at. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe("pruning a host", () => {
  it("removes nothing where everything is needed", () => expect(prunableOn(on())).toEqual([]))

  it("keeps the images of containers, of the newest snapshots and of the pin, and removes the fleet's others", () => {
    const images = ["a", "b", "c", "d", "e", "f"].map((letter) => image(letter))
    const snapshots = [3, 2, 1].map((seq) => snapshot(seq, { first_service: image("_dcb"[seq]!) }))
    const containers = [container("first_service"), container("first_service.prev", { image: image("b") })]
    const given = on({ look: look({ images, containers, kept: snapshots }), snapshots, pinned: [digestOf("f")] })
    // Snapshot 1 is older than the two that are kept: only it needed d.
    expect(gone(given, "image")).toEqual([image("d"), image("e")])
    expect(gone({ ...given, look: { ...given.look, containers: [] } }, "image")).toEqual(
      ["a", "d", "e"].map((l) => image(l)),
    )
    expect(gone(given, "snapshot")).toEqual(["000001"])
  })

  it("leaves alone what is not the fleet's, wherever it came from", () => {
    const images = [image("e", "postgres"), `docker.io/small/stand-in-p@${digestOf("e")}`]
    expect(gone(on({ look: look({ images }) }), "image")).toEqual([])
  })

  it("keeps the newest failed containers, and never what serves or is gone back to", () => {
    const failed = ["1", "2", "3", "4", "5"].map((day) =>
      container(`first_service-${day.repeat(6)}`, {
        startedAt: `2026-11-0${day}T00:00:00Z`,
        image: image("e"),
        run: day.repeat(6),
      }),
    )
    const made = container("first_service.0c0c0c", { run: "0c0c0c", state: "created" })
    const containers = [container("first_service"), container("first_service.prev"), made, ...failed]
    const given = on({ look: look({ containers, images: [image("a"), image("e")] }) })
    expect(gone(given, "container")).toEqual(["first_service-222222", "first_service-111111", "first_service.0c0c0c"])
    // What is kept of them holds its image.
    expect(gone(given, "image")).toEqual([])
  })

  it("removes definitions, runs and marks that nothing needs any more", () => {
    const old = {
      seq: 1,
      services: [{ svc: "first_service", definition: "0".repeat(12), image: image("b"), tag: "t" }],
    }
    const snapshots = [snapshot(3, {}), snapshot(2, { second_service: image("a") }), old]
    const seen = look({
      kept: snapshots,
      good: [`first_service.${run}`, "first_service.0b0b0b"],
      // One of a release that goes, and one that was never committed.
      definitions: [`first_service.${definition}`, `first_service.${"0".repeat(12)}`, `gone.${"1".repeat(12)}`],
      // Of 0a1a1a only the history knows.
      runs: ["0e0e0e", "0d0d0d", "0c0c0c", run],
    })
    const given = on({ look: seen, snapshots, runs: ["0e0e0e", "0d0d0d", "0c0c0c", "0a1a1a", run] })
    expect(gone(given, "definition")).toEqual([`first_service.${"0".repeat(12)}`, `gone.${"1".repeat(12)}`])
    expect(gone(given, "run")).toEqual(["0c0c0c"])
    expect(gone(given, "good")).toEqual(["first_service.0b0b0b"])
  })

  it("removes nothing while a run is unfinished: what it pulled no container has yet", () => {
    expect(prunableOn(on({ look: look({ open: ["0b0b0b"], images: [image("e")] }) }))).toEqual([])
  })

  it("never removes an image that is needed, whatever a host looks like", () => {
    const letters = "0123456789abcdef"
    for (let seed = 1; seed <= 300; seed++) {
      const next = random(seed)
      const any = () => image(letters[next(16)]!)
      const names = ["first_service", "first_service.prev", "second_service", "second_service-0a0a0a", "x.0b0b0b"]
      const containers = names
        .filter(() => next(2) === 0)
        .map((name) => container(name, { image: any(), state: next(2) ? "running" : "exited" }))
      const snapshots = [4, 3, 2, 1].map((seq) => snapshot(seq, { first_service: any(), second_service: any() }))
      const seen = look({ containers, kept: snapshots, images: [...letters].map((letter) => image(letter)) })
      const given = on({ look: seen, snapshots, keep: 1 + next(4), pinned: [digestOf(letters[next(16)]!)] })
      const items = prunableOn(given)
      const removed = items.flatMap(({ kind, name }) => (kind === "image" ? [digestIn(name)!] : []))
      const left = containers.filter(
        ({ name }) => !items.some((each) => each.kind === "container" && each.name === name),
      )
      const needed = neededOn({ ...given, look: { ...seen, containers: left } })
      expect([seed, removed.filter((digest) => needed.has(digest))]).toEqual([seed, []])
      const serving = containers.map(({ name }) => name).filter((name) => /^[a-z_]+(\.prev)?$/.test(name))
      expect([seed, left.map(({ name }) => name)]).toEqual([seed, expect.arrayContaining(serving)])
      // And what is not needed does go.
      expect([seed, removed.length]).toEqual([seed, 16 - needed.size])
    }
  })
})

const keeps: RegistryKeeps = { keep: 2, digests: new Set(), pins: new Set(), releases: [] }
const tag = (name: string, letter: string) => ({ tag: name, digest: digestOf(letter) })
const day = (number: number) => `2026110${number}-abc000${number}`

/** Five releases, each with its -prev and its fingerprint; the newest is current. */
const released = [1, 2, 3, 4, 5].flatMap((number) => [
  tag(day(number), String(number)),
  tag(`fp-${String(number).repeat(16)}`, String(number)),
  ...(number > 1 ? [tag(`${day(number)}-prev`, String(number - 1))] : []),
])
const tags = [...released, tag("current", "5"), tag("current-prev", "4")]
const prunable = (more: Partial<RegistryKeeps> = {}, all = tags) =>
  prunableIn({ image: "web", tags: all }, { ...keeps, ...more })
    .map(({ digest }) => digest[7])
    .sort()

describe("pruning the registry", () => {
  it("keeps the newest releases with what was before them, and removes older ones with all of their tags", () => {
    // 4 and 5 are the newest two, 3 is what 4 goes back to.
    expect(prunable()).toEqual(["1", "2"])
    expect(prunableIn({ image: "web", tags }, keeps)[0]).toEqual({
      ...{ image: "web", digest: digestOf("1") },
      tags: [day(1), `${day(2)}-prev`, `fp-${"1".repeat(16)}`],
    })
  })

  it("keeps what a host runs, goes back to or is pinned at", () => {
    expect(prunable({ digests: new Set([digestOf("1")]) })).toEqual(["2"])
    // A pinned release is a release like the kept ones: with what was before it.
    expect(prunable({ pins: new Set([day(2)]) })).toEqual([])
  })

  it("keeps what bears a tag of somebody else", () => {
    expect(prunable({}, [...tags, tag("stable", "1")])).toEqual(["2"])
    expect(prunable({}, [tag("stable", "1"), tag("v2", "2")])).toEqual([])
  })

  it("goes by the time of publishing, and rather keeps what it does not know", () => {
    const same = ["20261105-aaaaaaa", "20261105-bbbbbbb", "20261105-ccccccc"].map((name, index) =>
      tag(name, "abc"[index]!),
    )
    const releases = same.map(({ tag }, index) => ({ tag, at: `2026-11-05T1${2 - index}:00:00Z` }))
    expect(prunable({ releases }, same)).toEqual(["c"])
    expect(prunable({ releases: releases.slice(0, 2) }, same)).toEqual(["b"])
  })

  it("counts tags that differ and point to the same image as one manifest", () => {
    expect(prunable({ keep: 1 }, [tag(day(1), "a"), tag(day(2), "a"), tag("current", "a")])).toEqual([])
  })

  it("never removes what is current, was before, or is needed, whatever the registry holds", () => {
    const letters = "0123456789abcdef"
    for (let seed = 1; seed <= 300; seed++) {
      const next = random(seed)
      const any = () => letters[next(16)]!
      const names = Array.from({ length: 12 }, (_, index) => `202611${String(index + 1).padStart(2, "0")}-abcdef0`)
      const all = [
        ...names.flatMap((name) => [tag(name, any()), tag(`${name}-prev`, any()), tag(`fp-${any()}${any()}`, any())]),
        ...[tag("current", any()), tag("current-prev", any()), tag("mine", any())],
      ]
      const digests = new Set([digestOf(any()), digestOf(any())])
      const pins = new Set([names[next(12)]!])
      const keep = 2 + next(5)
      const removed = new Set(
        prunableIn({ image: "web", tags: all }, { keep, digests, pins, releases: [] }).map(({ digest }) => digest),
      )
      const kept = [...names.slice(-keep), ...pins].flatMap((name) => [name, `${name}-prev`])
      const needed = all.filter((each) => [...kept, "current", "current-prev", "mine"].includes(each.tag))
      for (const digest of [...digests, ...needed.map(({ digest }) => digest)])
        expect([seed, digest, removed.has(digest)]).toEqual([seed, digest, false])
    }
  })
})

describe("what prune tells", () => {
  const document: PruneDocument = {
    ...{ schema: 1, yard: "demo", dryRun: false, keep: 5 },
    hosts: [
      { host: "one", asked: true, items: [{ kind: "image", name: image("e"), removed: true }] },
      {
        host: "two",
        asked: true,
        items: [{ kind: "image", name: image("f"), removed: false, why: "a container uses it" }],
      },
    ],
    registry: {
      address: "127.0.0.1:5000/small",
      manifests: [{ image: "web", digest: digestOf("1"), tags: [day(1)], removed: true }],
    },
  }
  const silent = { host: "two", asked: false, problem: "nobody answers", items: [] }

  it("is what went, and what stayed and why", () => {
    const text = pruneText(document)
    expect(text).toMatch(/one +removed: 1 images\n.*stand-in-p@eeeeeeeeeeee/)
    expect(text).toMatch(/kept image stand-in-p@ffffffffffff: a container uses it/)
    expect(text).toMatch(/1 manifests removed\n.*web@111111111111 \(20261101-abc0001\)/)
    expect(exitCodeOfPrune(document)).toBe(0)
  })

  it("is exit code 3 for a host that could not be asked or a registry that refuses, 1 for an unfinished run", () => {
    expect(exitCodeOfPrune({ ...document, hosts: [silent] })).toBe(3)
    const manifests = document.registry.manifests.map((each) => ({ ...each, removed: false, why: "it refuses" }))
    expect(exitCodeOfPrune({ ...document, registry: { manifests } })).toBe(3)
    expect(pruneText({ ...document, registry: { manifests } })).toMatch(/1 manifests stay.*it refuses/)
    expect(exitCodeOfPrune({ ...document, hosts: [{ ...silent, asked: true }] })).toBe(1)
  })

  it("of a dry run is what would go", () => {
    const hosts = [{ host: "one", asked: true, items: [{ kind: "run" as const, name: "0a0a0a", removed: false }] }]
    const text = pruneText({ ...document, dryRun: true, hosts })
    expect(text).toMatch(/one +would go: 1 runs/)
    expect(text).toMatch(/without --dry-run/)
  })

  it("fits its schema", () => {
    const valid = new Ajv({ strict: false }).compile(documentSchema("prune"))
    expect([valid({ ...document, hosts: [...document.hosts, silent] }), valid.errors]).toEqual([true, null])
  })
})

describe("pruning build caches", () => {
  const now = new Date("2026-11-23T00:00:00Z")
  const made = (...days: string[]) =>
    JSON.stringify({
      layers: [{ digest: digestOf("9") }, ...days.map((day) => ({ annotations: { "buildkit/createdat": day } }))],
    })
  const old = (manifests: Record<string, string | undefined>) => {
    const tags = Object.keys(manifests).map((tag) => ({ tag, digest: `sha256:${tag}` }))
    const by = new Map(Object.entries(manifests).map(([tag, text]) => [`sha256:${tag}`, text]))
    return oldCaches({ image: "build_cache", tags }, by, { maxAgeDays: 30, now }).map((each) => each.tags)
  }

  it("takes those whose newest layer is older than the policy says", () => {
    const [long, recent] = ["2026-10-23T00:00:00Z", "2026-11-22T00:00:00Z"] as const
    expect(old({ web: made(long), torch: made(long, recent), llm: made(recent) })).toEqual([["web"]])
  })

  it("leaves what does not say how old it is", () => {
    expect(old({ a: made(), b: "no JSON", c: undefined, d: "{}", e: made("yesterday") })).toEqual([])
  })
})
