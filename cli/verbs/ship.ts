import { Command } from "commander"
import { rulesFor } from "../../dagger/lib/fleet/repository.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { requireClean } from "../../dagger/lib/plan/tag.ts"
import { exitCodeOf } from "../../dagger/lib/release/leave.ts"
import { isLoopback } from "../../dagger/lib/release/registry.ts"
import { ship } from "../../dagger/lib/release/ship.ts"
import { shippedState } from "../../dagger/lib/report/history.ts"
import { planLine, shipText } from "../../dagger/lib/report/ship.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { digestsOf } from "../../dagger/lib/yard.ts"
import type { BuilderFlags } from "../builder.ts"
import { clock } from "../clock.ts"
import { commitOf } from "../git.ts"
import {
  type AskedFlags,
  advisories,
  allowDirty,
  app,
  askedBy,
  family,
  machine,
  noCache,
  registry,
  type Shared,
  service,
  withBuilder,
  withShared,
} from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { junitOption, type ReportFlags, sarifOption, summaryOption, writeReports } from "../report-files.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { readyLine } from "../setup/ready.ts"
import { headline } from "../show/headline.ts"
import { Progress } from "../show/progress.ts"
import { withYard } from "../yard.ts"

interface ShipFlags extends Shared, AskedFlags, ReportFlags, BuilderFlags {
  all?: boolean
  registry?: string
  machine?: string
  dryRun?: boolean
  cache: boolean
  allowDirty?: boolean
  advisories?: string
}

export const shipVerb = (): Command =>
  withBuilder(
    withShared(new Command("ship").description("build, look through every gate, publish what passed, write records")),
  )
    .addOption(family())
    .addOption(app())
    .addOption(service())
    .option("--all", "every family that has a Dockerfile, and the app images on them")
    .addOption(registry())
    .addOption(machine())
    .option("--dry-run", "stop before the first write to a registry")
    .addOption(noCache())
    .addOption(allowDirty())
    .addOption(summaryOption())
    .addOption(sarifOption())
    .addOption(junitOption())
    .addOption(advisories())
    .action(shipAction)

async function shipAction(flags: ShipFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  const reading = await readAsked(repository, { ...askedBy(flags), all: flags.all }, commitOf)
  requireClean(reading.commit, flags.allowDirty === true || flags.dryRun === true || clock().moved)
  const chosen = await chooseRegistry(repository.fleet, flags.registry)
  // Asking what a later day will say publishes nothing: its tag and its record would be of that day.
  const dryRun = flags.dryRun || clock().moved
  const out = new Progress(flags)
  const choice = await chooseEngine()
  out.say(await headline(repository, reading.commit, choice))
  await withYard(
    {
      ...{ repository, commit: reading.commit, registry: chosen, progress: out, choice, builder: flags },
      toolbox: ["build", "sbom", "run", "sign"],
      advisories: { flag: flags.advisories },
    },
    async (yard, readied) => {
      out.say(line("ready", readyLine(readied)))
      if (chosen.note) out.say(line("note", chosen.note))
      if (clock().moved) out.say(line("note", "the clock was moved by FAIRLEAD_NOW, so nothing will be published"))
      const machineName = flags.machine
      const planned = {
        repository,
        reading,
        records: yard.records,
        machine: machineName,
        noCache: !flags.cache,
        now: yard.now,
      }
      const plan = await makePlan({ ...planned, bases: digestsOf(yard.bases) })
      const rules = await rulesFor(
        yard,
        plan.families.map((each) => each.family),
        machineName,
      )
      const { inputs, asked } = reading
      const report = await ship(yard, {
        plan,
        inputs,
        rules,
        asked,
        machine: machineName,
        noCache: !flags.cache,
        dryRun,
        onEvent: (event) => out.event(event),
        onPlan: (asked) => out.say(planLine(asked)),
      })
      out.done()
      console.log(flags.json ? JSON.stringify(report) : shipText(report, yard.registry, dryRun))
      process.exitCode = exitCodeOf(report.verdict, isLoopback(yard.registry))
      await writeReports(flags, () => shippedState(report, yard))
    },
  )
}
