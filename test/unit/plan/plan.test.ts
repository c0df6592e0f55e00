import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bakeFile, bakeText } from "../../../dagger/lib/plan/bake.ts"
import { type AllInputs, pinsOf, readInputs } from "../../../dagger/lib/plan/inputs.ts"
import { type Known, type Plan, planOf } from "../../../dagger/lib/plan/plan.ts"
import { parseHistory, parseStatus, requireClean, revisionOf, tagOf } from "../../../dagger/lib/plan/tag.ts"
import { smallFleet } from "../../fleets/small.ts"

const fleet = smallFleet()
const commit = { sha: "abc1234def".padEnd(40, "0"), uncommitted: [], history: [] }
const now = new Date("2026-11-22T23:59:00Z")
const bases = { bookworm: `sha256:${"a".repeat(64)}` }

const files: Record<string, string> = {
  "dockerfiles/maker.Dockerfile": "FROM debian:bookworm-slim\n",
  "dockerfiles/bottom.Dockerfile": "FROM debian:bookworm-slim\nCOPY start /start\n",
  "dockerfiles/start": "#!/bin/sh\n",
  "dockerfiles/middle.Dockerfile": "FROM bottom\nRUN --mount=type=bind,from=maker,source=/,target=/m true\n",
  "dockerfiles/middle.lock": "starlette==0.37.2 \\\n    --hash=sha256:00\n",
  "dockerfiles/top.Dockerfile": "FROM middle\n",
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plan-"))
})
afterAll(() => rm(folder, { recursive: true }))

/** What the repository holds, with some files written otherwise; null leaves one out. */
async function inputs(change: Record<string, string | null> = {}): Promise<AllInputs> {
  const root = await mkdtemp(join(folder, "r-"))
  for (const [path, text] of Object.entries({ ...files, ...change })) {
    if (text === null) continue
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return readInputs(root, fleet, ["bottom", "middle", "top"])
}

const plan = (read: AllInputs, known: Record<string, Known> = {}, more = {}): Plan =>
  planOf(fleet, { families: ["top"], inputs: read, bases, commit, now, known, ...more })

/** What records would say after a run of this plan. */
const asKnown = ({ families }: Plan): Record<string, Known> =>
  Object.fromEntries(
    families.map(({ family, ingredients }) => [
      family,
      { ingredients, digest: `sha256:${"b".repeat(64)}`, seconds: 4, compressed: 3e6 },
    ]),
  )

describe("a plan", () => {
  it("has what a family stands on first and the asked-for family last", async () => {
    expect(plan(await inputs()).families.map(({ family }) => family)).toEqual(["bottom", "middle", "top"])
  })

  it("reuses everything when nothing changed, and says what is there", async () => {
    const before = plan(await inputs())
    const after = plan(await inputs(), asKnown(before))
    expect(after.families.map(({ action, reasons }) => [action, reasons])).toEqual(Array(3).fill(["reuse", []]))
    expect(after.families[2]).toMatchObject({
      digest: `sha256:${"b".repeat(64)}`,
      expected: { seconds: 4, bytes: 3e6 },
    })
  })

  it("tells a changed lock down to the package, and rebuilds the children because of it", async () => {
    const known = asKnown(plan(await inputs()))
    const after = plan(
      await inputs({ "dockerfiles/middle.lock": "starlette==0.37.3 \\\n    --hash=sha256:00\n" }),
      known,
    )
    expect(after.families.map(({ family, action, reasons }) => [family, action, reasons])).toEqual([
      ["bottom", "reuse", []],
      ["middle", "build", ["requirements lock: starlette 0.37.2 → 0.37.3"]],
      ["top", "build", ["middle changed"]],
    ])
  })

  it("tells a changed file, a moved base and a changed builder", async () => {
    const before = asKnown(plan(await inputs()))
    const file = plan(await inputs({ "dockerfiles/start": "#!/bin/sh\nexit\n" }), before)
    expect(file.families[0]!.reasons).toEqual(["dockerfiles/start changed"])
    const base = planOf(fleet, {
      families: ["bottom"],
      inputs: await inputs(),
      bases: { bookworm: "sha256:other" },
      commit,
      now,
      known: before,
    })
    expect(base.families[0]!.reasons).toEqual(["bookworm changed"])
    const builder = plan(
      await inputs({ "dockerfiles/maker.Dockerfile": "FROM debian:bookworm-slim\nRUN true\n" }),
      before,
    )
    expect(builder.families.map(({ action }) => action)).toEqual(["reuse", "build", "build"])
    expect(builder.families[1]!.reasons).toEqual(["maker changed"])
  })

  it("builds anew what an older tool made, and what says something else of itself", async () => {
    const read = await inputs()
    const known = asKnown(plan(read))
    const { ingredients } = known.middle!
    const builder = ingredients.builder.replace(/ syft-\S+/, " syft-1.0.0")
    const [, older] = plan(read, {
      ...known,
      middle: { ...known.middle!, ingredients: { ...ingredients, builder } },
    }).families
    expect(older).toMatchObject({ action: "build", reasons: [expect.stringMatching(/^tool syft 1\.0\.0 → \d/)] })
    const labels = { ...ingredients.labels, "dev.fairlead.fleet": "other" }
    const [, named] = plan(read, {
      ...known,
      middle: { ...known.middle!, ingredients: { ...ingredients, labels } },
    }).families
    expect(named).toMatchObject({ action: "build", reasons: ["label dev.fairlead.fleet"] })
  })

  it("keeps fingerprints whatever the commit and the clock say", async () => {
    const read = await inputs()
    const later = planOf(fleet, {
      families: ["top"],
      inputs: read,
      bases,
      commit: { ...commit, sha: "f".repeat(40) },
      now: new Date(0),
      known: {},
    })
    expect(later.families.map(({ fingerprint }) => fingerprint)).toEqual(
      plan(read).families.map(({ fingerprint }) => fingerprint),
    )
  })

  it("builds all with --no-cache", async () => {
    const read = await inputs()
    const after = plan(read, asKnown(plan(read)), { noCache: true })
    expect(after.families.map(({ reasons }) => reasons)).toEqual(Array(3).fill([["--no-cache"]].flat()))
  })

  it("names the Dockerfile that copies what is not there", async () => {
    await expect(inputs({ "dockerfiles/start": null })).rejects.toThrow(
      "dockerfiles/bottom.Dockerfile: copies dockerfiles/start, which does not exist",
    )
  })

  it("refuses a family without a Dockerfile by its path in fleet.yaml", async () => {
    const bare = structuredClone(fleet)
    bare.families.top!.dockerfile = undefined
    const read = await inputs()
    expect(() => planOf(bare, { families: ["top"], inputs: read, bases, commit, now, known: {} })).toThrow(
      /^fleet.yaml: families.top: has no dockerfile/,
    )
  })

  it("stays quick and linear for 1,000 families and 10,000 services", () => {
    const names = Array.from({ length: 1000 }, (_, index) => `f${index}`)
    const large = structuredClone(fleet)
    const [family] = Object.values(large.families)
    large.families = Object.fromEntries(
      names.map((name, index) => [
        name,
        {
          ...family!,
          alias: `a${index}`,
          base: index === 0 ? "bookworm" : undefined,
          parent: index === 0 ? undefined : `f${Math.floor((index - 1) / 3)}`,
        },
      ]),
    )
    large.services = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [
        `S${index}`,
        { family: `f${index % 1000}`, hosts: [], needs: [], port: 1, healthPort: 2 } as never,
      ]),
    )
    const read: AllInputs = Object.fromEntries(
      names.map((name, index) => [
        name,
        {
          dockerfile: `dockerfiles/${name}.Dockerfile`,
          text: "",
          needs: index === 0 ? ["debian:bookworm-slim"] : [`f${Math.floor((index - 1) / 3)}`],
          files: { [name]: name },
          pins: {},
        },
      ]),
    )
    const made = planOf(large, { families: names, inputs: read, bases, commit, now, known: {} })
    expect(made.families).toHaveLength(1000)
  }, 5000)
})

describe("a tag", () => {
  it("is the day in UTC and seven digits of the commit", () => expect(tagOf(commit, now)).toBe("20261122-abc1234"))

  it("marks what differs from the commit, and refuses to ship it", () => {
    const dirty = { ...commit, uncommitted: ["fleet.yaml"] }
    expect(tagOf(dirty, now)).toBe("20261122-abc1234-dirty")
    expect(() => requireClean(dirty, false)).toThrow("git: uncommitted changes: fleet.yaml")
    expect(() => requireClean(dirty, true)).not.toThrow()
  })

  it("names the last commit that changed what an image is made of", () => {
    const history = parseHistory("\u0001new\u0000\nREADME.md\0\u0001old\u0000\ndockerfiles/a\0dockerfiles/b\0")
    expect(revisionOf({ ...commit, history }, ["dockerfiles/b"])).toBe("old")
    expect(revisionOf({ ...commit, history, uncommitted: ["dockerfiles/b"] }, ["dockerfiles/b"])).toBe(
      `${commit.sha}-dirty`,
    )
    expect(revisionOf({ ...commit, history }, ["nowhere"])).toBe(commit.sha)
  })

  it("reads names with spaces from git's status", () => expect(parseStatus("?? a b\0 M c\0")).toEqual(["a b", "c"]))
})

describe("the bake file", () => {
  const options = {
    root: "/src",
    families: ["bottom", "middle", "top"],
    bases: { bookworm: "oci-layout:///bases/bookworm@sha256:1" },
    baseDigests: bases,
    revisions: { top: "abc" },
    secrets: ["id=ca,src=/ca"],
  }

  it("links parents and builders as targets, and the base by its digest", async () => {
    const { target, group } = bakeFile(fleet, await inputs(), options)
    expect(group.default.targets).toEqual(["bottom", "middle", "top"])
    expect(target.middle!.contexts).toEqual({ bottom: "target:bottom", maker: "target:maker" })
    expect(target.bottom!.contexts).toEqual({ "debian:bookworm-slim": "oci-layout:///bases/bookworm@sha256:1" })
    expect(target.middle!.args).toEqual({ FLAVOUR: "plain", SOURCE_DATE_EPOCH: "1763769600" })
    expect(target.top!.args).toEqual({ FLAVOUR: "plain", SOURCE_DATE_EPOCH: "1763769600" })
    expect(target.top!.labels).toMatchObject({
      "org.opencontainers.image.revision": "abc",
      "org.opencontainers.image.created": "2025-11-22T00:00:00Z",
      "org.opencontainers.image.base.digest": bases.bookworm,
    })
  })

  it("keeps what looks like a template as it is", () => {
    const text = bakeText({
      group: { default: { targets: [] } },
      target: { a: { context: ".", dockerfile: "d", platforms: [], args: { A: "${B} %{C}" } } },
    })
    expect(text).toContain("$${B} %%{C}")
  })
})

describe("a lock", () => {
  it("gives names as the index normalises them", () =>
    expect(pinsOf("Foo_Bar[x]==1.0 ; python_version > '3'\n# c==1\nb.c==2+cu121 \\\n  --hash=sha256:1\n")).toEqual({
      "foo-bar": "1.0",
      "b-c": "2+cu121",
    }))
})
