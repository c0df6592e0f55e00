import { join, resolve } from "node:path"
import { Command } from "commander"
import { type Built, build } from "../../dagger/lib/build/build.ts"
import type { ToolboxPart } from "../../dagger/lib/engine/engine.ts"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import type { Plan } from "../../dagger/lib/plan/plan.ts"
import { makePlan, type Reading, readAsked } from "../../dagger/lib/plan/reading.ts"
import { duration, line, table } from "../../dagger/lib/report/text.ts"
import { digestsOf, type Yard } from "../../dagger/lib/yard.ts"
import type { BuilderFlags } from "../builder.ts"
import { commitOf } from "../git.ts"
import {
  type AskedFlags,
  app,
  askedBy,
  family,
  machine,
  noCache,
  type Shared,
  service,
  withBuilder,
  withShared,
} from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { readyLine } from "../setup/ready.ts"
import { headline } from "../show/headline.ts"
import { Progress } from "../show/progress.ts"
import { inHome } from "../state.ts"
import { withYard } from "../yard.ts"

export interface BuildFlags extends Shared, AskedFlags, BuilderFlags {
  machine?: string
  cache: boolean
  output?: string
  advisories?: string
}

export const buildVerb = (): Command =>
  withBuilder(
    withShared(
      new Command("build").description("build a family and what it stands on to OCI archives; pushes nothing"),
    ),
  )
    .addOption(family())
    .addOption(app())
    .addOption(service())
    .addOption(machine())
    .addOption(noCache())
    .option("--output <folder>", "where the archives go (default: archives/ in the state folder)")
    .action(async (flags: BuildFlags) => {
      await withBuilt(flags, { toolbox: [] }, async ({ built, plan, yard, out }) => {
        const folder = resolve(flags.output ?? inHome("archives"))
        const families = []
        for (const { family, archive, digest, packages, seconds, ran, cached } of built) {
          const path = join(folder, `${family}.tar`)
          await yard.engine.save(archive, path)
          families.push({ family, digest, archive: path, packages, seconds, steps: { ran, cached } })
        }
        out.done()
        if (flags.json) console.log(JSON.stringify({ schema: 1, tag: plan.tag, families }))
        else {
          const rows = families.map((each) => [
            each.family,
            each.steps.ran === 0 ? "cached" : duration(each.seconds),
            `${each.packages} pkg`,
            each.digest.slice(0, 19),
            each.archive,
          ])
          console.log(
            [
              table(["family", "build", "sbom", "digest", "archive"], rows),
              "",
              line("next", `fairlead ship --family ${families.at(-1)?.family}`),
            ].join("\n"),
          )
        }
      })
    })

/** What a verb that works on built images gets. */
export interface OnBuilt {
  repository: Repository
  reading: Reading
  yard: Yard
  plan: Plan
  built: Built[]
  out: Progress
}

/** Readies the yard, builds what is asked for (from the cache where nothing changed), and hands it on. */
export async function withBuilt(
  flags: BuildFlags,
  { toolbox, advisories }: { toolbox: readonly ToolboxPart[]; advisories?: boolean },
  work: (on: OnBuilt) => Promise<void>,
): Promise<void> {
  const repository = await openRepository(flags.source)
  const reading = await readAsked(repository, askedBy(flags), commitOf)
  const registry = await chooseRegistry(repository.fleet)
  const out = new Progress(flags)
  const choice = await chooseEngine()
  out.say(await headline(repository, reading.commit, choice))
  const options = {
    repository,
    commit: reading.commit,
    registry: { ...registry, embedded: false },
    toolbox: ["build" as const, "sbom" as const, ...toolbox],
    progress: out,
    choice,
    builder: flags,
    ...(advisories ? { advisories: { flag: flags.advisories } } : {}),
  }
  await withYard(options, async (yard, readied) => {
    out.say(line("ready", readyLine(readied)))
    const planning = {
      repository,
      reading,
      records: yard.records,
      machine: flags.machine,
      noCache: !flags.cache,
      now: yard.now,
    }
    const plan = await makePlan({ ...planning, bases: digestsOf(yard.bases) })
    const families = plan.families.map((each) => each.family)
    for (const family of families) out.event({ family, step: "build", state: "started" })
    const built = await build(yard, {
      plan,
      inputs: reading.inputs,
      families,
      machine: flags.machine,
      noCache: !flags.cache,
    })
    for (const { family, ran } of built)
      out.event({ family, step: "build", state: "done", brief: ran === 0 ? "cached" : undefined })
    await work({ repository, reading, yard, plan, built, out })
  })
}
