import { mkdtemp, readdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { type BuildCase, buildCases, competing, leafAlone } from "../../../bench/builds.ts"
import { keep, kept, openBuilds, openDeploys } from "../../../bench/kept.ts"
import { pageOf, type Results } from "../../../bench/page.ts"

const flags = { rounds: 2, case: ["nothing", "leaf"], families: [10], services: [8, 64] }
const sample = (which: BuildCase, who: string, round: number) => ({
  ...{ case: which, who, round, seconds: 1, requests: 1, received: 1, sent: 1, memory: 1 },
})

const cutOff = (): Results => ({
  machines: [{ date: "yesterday", Node: "v20" }],
  flags,
  builds: [
    ...competing("nothing").flatMap((who) => [sample("nothing", who, 0), sample("nothing", who, 1)]),
    ...[...Object.values(leafAlone), ...competing("leaf")].map((who) => sample("leaf", who, 0)),
    sample("leaf", "loop", 1),
  ],
  plans: [],
  deploys: [
    { services: 8, changed: "all", seconds: 1 },
    { services: 8, changed: "all", seconds: 2 },
    { services: 64, changed: "nothing", seconds: 1 },
  ],
})

it("goes on where a run was cut off: whole cases stay, half a round goes", () => {
  const results = cutOff()
  expect(openBuilds(results, buildCases, flags.case)).toEqual({ cases: ["leaf"], from: 1 })
  expect(results.builds.filter((each) => each.case === "nothing")).toHaveLength(6)
  expect(results.builds.filter((each) => each.case === "leaf").map(({ round }) => round)).toEqual([0, 0, 0, 0, 0])
  expect(openDeploys(results)).toEqual([64])
  expect(results.deploys.map(({ services }) => services)).toEqual([8, 8])
})

it("begins with nothing where nothing was kept, and keeps files whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-kept-"))
  const file = join(folder, "figures.json")
  expect((await kept(file, flags)).builds).toEqual([])
  await keep(file, cutOff())
  expect(await kept(file, { ...flags, rounds: 3 })).toEqual({ ...cutOff(), flags: { ...flags, rounds: 3 } })
  expect(await readdir(folder)).toEqual(["figures.json"])
})

it("says of each run on which machine and day it was", () => {
  const results = { ...cutOff(), machines: [...cutOff().machines, { date: "today", Node: "v20" }] }
  expect(pageOf(results)).toMatch(/\| date \|\s+yesterday; today \|\n\| Node \|\s+v20 \|/)
})
