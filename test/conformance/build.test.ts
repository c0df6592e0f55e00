import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type OpenEngine, openEngine } from "../../cli/engines.ts"
import { commitOf } from "../../cli/git.ts"
import { openRepository } from "../../cli/repository.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { yardOn } from "../../cli/yard.ts"
import type { Advisories } from "../../dagger/lib/advisories/advisories.ts"
import { type Built, build } from "../../dagger/lib/build/build.ts"
import { rulesFor } from "../../dagger/lib/fleet/repository.ts"
import { contract } from "../../dagger/lib/gates/contract.ts"
import { ask, lookingAt } from "../../dagger/lib/gates/look.ts"
import { imagesFolder } from "../../dagger/lib/gates/probe.ts"
import { gates } from "../../dagger/lib/gates/table.ts"
import { unpackAhead } from "../../dagger/lib/gates/unpack.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { MemoryStore } from "../../dagger/lib/release/store.ts"
import { digestsOf, type Yard } from "../../dagger/lib/yard.ts"
import { candidates } from "./engines.ts"

const repository = await openRepository(fairleadRoot)
const reading = await readAsked(repository, { families: ["base"] }, commitOf)
const registry = { address: { host: "127.0.0.1:5000", org: "conformance" }, embedded: true }

/** By engine: what the same commit came to. */
const digests = new Map<string, string>()

describe.each(candidates)("base-python on $name", ({ name, skip }) => {
  const cases = skip ? it.skip : it
  let opened: OpenEngine
  let yard: Yard
  let image: Built

  beforeAll(async () => {
    if (skip) return
    opened = await openEngine(name, { root: fairleadRoot })
    yard = await yardOn(opened, { repository, commit: reading.commit, registry })
    const plan = await makePlan({ repository, reading, bases: digestsOf(yard.bases), records: new MemoryStore() })
    image = (await build(yard, { plan, inputs: reading.inputs, families: ["base-python"] }))[0]!
    digests.set(name, image.digest)
  })
  afterAll(() => opened?.close())

  cases("comes to the same digest as on every other engine", () => {
    expect(new Set(digests.values()), JSON.stringify([...digests])).toEqual(new Set([image.digest]))
  })

  cases("runs as 10001", async () => {
    const ran = await yard.engine.run({ name: "id", image: image.archive, argv: ["id", "-u"] })
    expect(ran.stdout).toBe("10001\n")
  })

  // Nobody asks outside, so that the case is the same on every machine: what needs advisories says that nobody looked.
  const nobody: Advisories = {
    database: { state: "none", why: "none in tests" },
    python: { state: "none", why: "none in tests" },
  }
  const on = async (subject: Built) => {
    const rules = await rulesFor({ ...repository, risks: [], now: new Date() }, ["base-python"])
    return lookingAt(subject, rules("base-python"), { engine: yard.engine, advisories: async () => nobody })
  }

  cases.each(gates.map((gate) => [gate.name, gate] as const))("passes %s", async (name, gate) => {
    const answer = await ask(gate, await on(image))
    const needsAdvisories = ["audit", "scan"].includes(name)
    expect([answer.verdict, answer.findings]).toEqual([needsAdvisories ? "UNCHECKED" : "PASS", []])
  })

  // Docker's folder of a run is one for all its steps; another engine may give each an empty one.
  const shared = name === "docker" ? cases : it.skip
  shared("is there for its gates once it was unpacked ahead, as the layout that a parent comes as", async () => {
    const { engine } = yard
    const unpacking = ["tar", "--extract", "--file=/in/image.tar", "--directory=/out/layout"] as const
    const { outputs } = await engine.run({
      ...{ name: "make a layout", image: "toolbox:run", argv: unpacking },
      ...{ inputs: { "/in/image.tar": image.archive }, outputs: { layout: "/out/layout/" } },
    })
    const folder = imagesFolder(repository.fleet, "base-python")
    for (const path of Object.values(folder)) await engine.discardShared(path)
    await unpackAhead(engine, repository.fleet, { family: "base-python", layout: outputs.layout! })
    const argv = ["test", "-e", `/images/${image.digest.replace("sha256:", "")}`] as const
    expect(await engine.run({ name: "look for it", image: "toolbox:run", argv, shared: folder })).toMatchObject({
      exitCode: 0,
    })
    expect((await ask(contract, await on(image))).verdict).toBe("PASS")
  })

  cases("is refused by every gate when the report is about another image", async () => {
    const other = await on({ ...image, digest: `sha256:${"0".repeat(64)}` })
    for (const gate of gates) {
      expect([gate.name, (await ask(gate, other)).verdict]).toEqual([gate.name, "ERROR"])
    }
  })
})
