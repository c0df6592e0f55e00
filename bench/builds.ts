import { openRepository } from "../cli/repository.ts"
import { fairleadRoot } from "../cli/version.ts"
import type { Checkout } from "../test/e2e/yard.ts"
import { Arena } from "./arena.ts"
import { Bake, Loop } from "./buildx.ts"
import { CheckedLoop } from "./checked.ts"
import { type Competitor, type Measured, measured, runs } from "./competitor.ts"
import { Fairlead } from "./fairlead.ts"
import { buildFleet, changeBase, changeLeaf, changeNoCommit, changeNothing, imagesOf, wholeApps } from "./fleet.ts"
import { rotated } from "./statistics.ts"

/** In this order within a round: each leaves behind what the next one starts from. */
export const buildCases = ["cold", "nothing", "again", "leaf", "base", "fresh"] as const
/** The same of a fleet with as many apps as the blueprint has services. */
export const wholeCases = ["whole-nothing", "whole-again"] as const
export type BuildCase = (typeof buildCases)[number] | (typeof wholeCases)[number]

/** Those that goals speak of: where little is built, a loop that looks at everything again says how often, and nothing new. */
const checkedCases: readonly BuildCase[] = ["cold", "fresh"]

/** Who runs in a case; of a leaf that changed, those who build nothing else come on top. */
export const competing = (which: BuildCase): string[] => [
  "loop",
  ...(checkedCases.includes(which) ? [CheckedLoop.title] : []),
  "bake",
  "Fairlead",
]

const isWhole = (which: BuildCase): boolean => which.startsWith("whole-")

const appsIn = (which: BuildCase): number => (isWhole(which) ? wholeApps : 3)

/** Who builds the changed leaf and nothing else. */
export const leafAlone = { buildx: "that leaf alone", fairlead: "Fairlead, that leaf alone" } as const

/** How many images a case is about. */
export const imagesIn = (which: BuildCase): number => imagesOf(appsIn(which))

export interface BuildSample extends Measured {
  case: BuildCase
  who: string
  round: number
}

export interface Asked {
  rounds: number
  say: (line: string) => void
  signal: AbortSignal
}

/** What is asked of one part, and where its figures go: those that are there stay when something fails after hours. */
export interface Into<Sample> extends Asked {
  samples: Sample[]
}

/** All competitors through all cases of one fleet, round by round and from one on, the order of competitors another one each time. */
export async function measureBuilds(
  cases: readonly BuildCase[],
  { rounds, say, signal, samples, from, keep }: Into<BuildSample> & { from: number; keep: () => Promise<void> },
): Promise<void> {
  if (cases.length === 0) return
  const fleet = await buildFleet(appsIn(cases[0]!))
  const { checkout } = fleet
  const arenas: Arena[] = []
  try {
    const { policy } = (await openRepository(checkout.root)).fleet
    for (const name of ["loop", "checked", "bake", "fairlead"]) arenas.push(await Arena.open(name, policy))
    const loop = new Loop(arenas[0]!, fleet)
    const fairlead = new Fairlead(arenas[3]!, fleet)
    const bake = new Bake(arenas[2]!, fleet, !isWhole(cases[0]!))
    const all: Competitor[] = [loop, new CheckedLoop(arenas[1]!, fleet), bake, fairlead]
    const within = (which: BuildCase) => all.filter(({ name }) => competing(which).includes(name))
    await runs([`${fairleadRoot}/fairlead`, "key"], { cwd: checkout.root, env: fairlead.arena.env })
    /** Who has built everything that the checkout holds, with its BuildKit's own cache whole. */
    const settled = new Set<Competitor>()
    for (let round = from; round < rounds; round++) {
      for (const which of cases) {
        if (which !== "cold") await settle(within(which), settled, say)
        if (which === "leaf") {
          await changeLeaf(checkout, `${round} alone`)
          const alone = await measured(loop.arena, () => loop.leafAlone(`alone-${round}`))
          samples.push(told({ case: which, who: leafAlone.buildx, round, ...alone }, say))
          const own = await measured(fairlead.arena, () => fairlead.leafAlone())
          samples.push(told({ case: which, who: leafAlone.fairlead, round, ...own }, say))
        }
        await prepare[which](checkout, `${which} ${round}`)
        for (const competitor of rotated(within(which), round)) {
          signal.throwIfAborted()
          if (which === "cold") await competitor.arena.empty()
          if (which === "fresh") await competitor.arena.freshRunner()
          if (which === "cold" || which === "fresh") await competitor.standBy()
          const tag = `${which}-${round}`
          const took = await measured(competitor.arena, () => competitor.ship(tag))
          samples.push(told({ case: which, who: competitor.name, round, ...took }, say))
          if (which === "fresh") settled.delete(competitor)
          else settled.add(competitor)
        }
      }
      await keep()
    }
  } finally {
    for (const arena of arenas) await arena.close()
    await checkout.remove()
  }
}

const prepare: Record<BuildCase, (checkout: Checkout, stamp: string) => Promise<void>> = {
  cold: changeNothing,
  nothing: changeNothing,
  again: changeNoCommit,
  "whole-nothing": changeNothing,
  "whole-again": changeNoCommit,
  leaf: changeLeaf,
  base: changeBase,
  // The change that a runner is started for.
  fresh: (checkout, stamp) => changeLeaf(checkout, `${stamp} fresh`),
}

/** Builds what was not built yet, unmeasured. A fresh runner's cache is not whole: it starts again from nothing. */
async function settle(all: readonly Competitor[], settled: Set<Competitor>, say: Asked["say"]): Promise<void> {
  for (const competitor of all.filter((each) => !settled.has(each))) {
    say(`readying ${competitor.name}: the whole fleet, unmeasured`)
    await competitor.arena.empty()
    await competitor.standBy()
    await competitor.ship("settled")
    settled.add(competitor)
  }
}

function told(sample: BuildSample, say: Asked["say"]): BuildSample {
  const { case: which, who, round, seconds, gates, requests, received } = sample
  const without = gates === undefined ? "" : `, gates ran for ${gates.toFixed(1)} s of them`
  say(`${which} ${round + 1}: ${who} ${seconds.toFixed(2)} s${without}, ${requests} requests, ${received} bytes pushed`)
  return sample
}
