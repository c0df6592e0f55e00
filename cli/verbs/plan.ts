import { Command } from "commander"
import { buildOrder } from "../../dagger/lib/fleet/hierarchy.ts"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { bakeFile, bakeText } from "../../dagger/lib/plan/bake.ts"
import type { Plan } from "../../dagger/lib/plan/plan.ts"
import { makePlan, type Reading, readAsked } from "../../dagger/lib/plan/reading.ts"
import { planText } from "../../dagger/lib/report/plan.ts"
import { commitOf } from "../git.ts"
import {
  type AskedFlags,
  app,
  askedBy,
  family,
  machine,
  registry,
  type Shared,
  service,
  withShared,
} from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { knownBases } from "../setup/known.ts"
import { recordsOf } from "../yard.ts"

interface PlanFlags extends Shared, AskedFlags {
  all?: boolean
  bake?: boolean
  registry?: string
  machine?: string
}

export const planVerb = (): Command =>
  withShared(new Command("plan").description("what would be built or reused, and why; changes nothing"))
    .addOption(family())
    .addOption(app())
    .addOption(service())
    .option("--all", "every family that has a Dockerfile, and the app images on them (default: the families)")
    .addOption(machine())
    .addOption(registry())
    .option("--bake", "print the bake file: docker buildx bake -f - builds it without Fairlead")
    .action(async (flags: PlanFlags) => {
      const repository = await openRepository(flags.source)
      const nothing = !flags.family && !flags.app && !flags.service
      const reading = await readAsked(
        repository,
        { ...askedBy(flags), all: flags.all ?? (nothing ? "families" : false) },
        commitOf,
      )
      const { address } = await chooseRegistry(repository.fleet, flags.registry)
      const bases = await knownBases(repository.fleet)
      const plan = await makePlan({ repository, reading, bases, records: recordsOf(address), machine: flags.machine })
      if (flags.bake) console.log(bakeForHand(repository, reading, plan))
      else console.log(flags.json ? JSON.stringify({ schema: 1, ...plan }) : planText(plan))
    })

/** A bake file that needs nothing of Fairlead: paths from the repository's root, bases pulled by their own names. */
function bakeForHand({ fleet }: Repository, { asked, inputs }: Reading, plan: Plan): string {
  const file = bakeFile(fleet, inputs, {
    root: ".",
    families: buildOrder(fleet, asked).map(({ name }) => name),
    bases: {},
    baseDigests: {},
    revisions: Object.fromEntries(plan.families.map((each) => [each.family, each.revision])),
    secrets: [],
  })
  return bakeText(file)
}
