import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Command, InvalidArgumentError } from "commander"
import { Interrupted, onInterrupt } from "../cli/interrupt.ts"
import { partsFor } from "../cli/parts.ts"
import { openRepository } from "../cli/repository.ts"
import { ready } from "../cli/setup/ready.ts"
import { fairleadRoot } from "../cli/version.ts"
import { Problem } from "../dagger/lib/problem.ts"
import { buildCases, measureBuilds, wholeCases } from "./builds.ts"
import { measureDeploys } from "./deploys.ts"
import { keep, kept, openBuilds, openDeploys } from "./kept.ts"
import { machine } from "./machine.ts"
import { pageOf, type Results, tablesOf } from "./page.ts"
import { measurePlans } from "./planning.ts"

const cases = [...buildCases, ...wholeCases, "plan", "deploy"] as const
type Case = (typeof cases)[number]

interface Flags {
  rounds: number
  case?: Case[]
  families: number[]
  services: number[]
  page: boolean
  keep?: string
}

const numbers = (text: string): number[] => text.split(",").map(count)

function count(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError("it is no number from 1 to 99999.")
}

function listed(text: string, before: Case[] | undefined): Case[] {
  const names = text.split(",").map((name) => {
    const found = cases.find((each) => each === name)
    if (!found) throw new InvalidArgumentError(`it is none of ${cases.join(", ")}.`)
    return found
  })
  return [...(before ?? []), ...names]
}

const program = new Command("npm run bench --")
  .description(
    "Measures Fairlead beside `docker buildx build` and `docker buildx bake`, and writes docs/benchmarks.md.",
  )
  .option("--rounds <n>", "how often each case is measured", count, 5)
  .option("--case <name>", `only this one, may be given several times: ${cases.join(", ")}`, listed)
  .option("--families <n,…>", "sizes of the fleets to plan", numbers, [10, 100, 1000])
  .option("--services <n,…>", "how many services to deploy", numbers, [8, 64])
  .option("--no-page", "print the tables, leave docs/benchmarks.md as it is")
  .option("--keep <file>", "write every single figure there, as JSON, and go on from what it holds already")
  .action(bench)

async function bench(flags: Flags): Promise<void> {
  const wanted = flags.case ?? [...cases]
  const { signal, stop } = onInterrupt()
  const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
  const asked = { rounds: flags.rounds, say, signal }
  // What everybody stands on is nobody's time.
  const { fleet } = await openRepository(fairleadRoot)
  await ready(partsFor(fleet, ["build", "sbom", "run", "sign", "registry"], false), { say, signal })
  const results: Results = await kept(flags.keep, { ...flags, case: wanted })
  const here = await machine()
  // Told of runs that measured something.
  const keeping = () => {
    if (!results.machines.includes(here)) results.machines.push(here)
    return keep(flags.keep, results)
  }
  try {
    for (const among of [buildCases, wholeCases]) {
      const { cases, from } = openBuilds(results, among, wanted)
      await measureBuilds(cases, { ...asked, samples: results.builds, from, keep: keeping })
    }
    if (wanted.includes("plan") && results.plans.length === 0) {
      await measurePlans(flags.families, { ...asked, samples: results.plans })
      await keeping()
    }
    if (wanted.includes("deploy")) {
      await measureDeploys(openDeploys(results), { ...asked, samples: results.deploys })
      await keeping()
    }
    if (flags.page) await writeFile(join(fairleadRoot, "docs/benchmarks.md"), pageOf(results))
  } finally {
    // The page is of whole cases; what a run that failed had measured is shown all the same.
    console.log(tablesOf(results))
  }
  stop()
}

program.parseAsync().catch((error: unknown) => {
  if (error instanceof Interrupted) return
  if (!(error instanceof Problem)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.exitCode
})
