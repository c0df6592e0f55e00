import { mkdir, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { Command, Option } from "commander"
import pLimit from "p-limit"
import { ciFiles, jobsText } from "../../dagger/lib/ci/ci.ts"
import { requireWritten } from "../../dagger/lib/ci/drift.ts"
import { type CiName, ciNames } from "../../dagger/lib/ci/names.ts"
import { neededOf } from "../../dagger/lib/ci/needed.ts"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { MemoryStore } from "../../dagger/lib/release/store.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { listed } from "../../dagger/lib/report/words.ts"
import { commitOf } from "../git.ts"
import { withRegistry } from "../open-registry.ts"
import { registry, type Shared, withShared } from "../options.ts"
import { partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { basePart } from "../setup/bases.ts"
import { knownBases } from "../setup/known.ts"
import { ready } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"

interface CiFlags extends Shared {
  for: CiName
  check?: boolean
  jobs?: boolean
  dryRun?: boolean
  registry?: string
}

export const ciVerb = (): Command =>
  withShared(new Command("ci").description("write the files of a CI: what it runs is what a laptop runs"))
    .addOption(new Option("--for <ci>", "whose files").choices(ciNames).makeOptionMandatory())
    .option("--check", "write nothing; fail when the files there are not what fleet.yaml says")
    .option("--jobs", "print the jobs of this commit, as that CI takes them: one for each image that has to be built")
    .option("--dry-run", "with --jobs: for what is only proposed, so that nothing is published")
    .addOption(registry())
    .action(ciAction)

async function ciAction(flags: CiFlags): Promise<void> {
  requireFitting(flags)
  const repository = await openRepository(flags.source)
  if (flags.jobs) return printJobs(repository, flags)
  const { root, fleet } = repository
  const files = ciFiles(fleet, flags.for)
  const paths = Object.keys(files)
  if (flags.check) await requireWritten(root, flags.for, files)
  else
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
  if (flags.json) console.log(JSON.stringify({ schema: 1, for: flags.for, files: paths }))
  else console.log(line(flags.for, `${paths.join(", ")}${flags.check ? ": up to date" : ""}`))
}

/** On stdout only what the CI reads. A machine that was just made knows no base and no record: both are asked for. */
async function printJobs(repository: Repository, flags: CiFlags): Promise<void> {
  const { fleet } = repository
  const progress = new Progress(flags)
  const reading = await readAsked(repository, { all: true }, commitOf)
  await withRegistry(repository, { flag: flags.registry, progress }, async ({ registry, signal }) => {
    const bases = Object.values(fleet.bases).map((base) => basePart(base, fleet.epoch).name)
    await ready(partsFor(fleet, [], false), { wanted: bases, say: progress.say, signal })
    const plan = await makePlan({ repository, reading, bases: await knownBases(fleet), records: new MemoryStore() })
    const build = await neededOf(registry, plan, pLimit(Math.max(2, availableParallelism())))
    progress.done()
    const { length } = plan.families
    progress.say(line("jobs", build.length > 0 ? listed(build) : `none: ${length} images are as they should be`))
    if (flags.json) console.log(JSON.stringify({ schema: 1, for: flags.for, tag: plan.tag, build }))
    else process.stdout.write(jobsText(fleet, flags.for, { build, dryRun: flags.dryRun }))
  })
}

/** A flag that would say nothing is refused: whoever gave it meant something. */
function requireFitting({ check, jobs, dryRun, registry }: CiFlags): void {
  if (check && jobs) throw wrongInput("is about files, not jobs", { where: "--check", fix: "leave it or --jobs out" })
  const of = [...(dryRun ? ["--dry-run"] : []), ...(registry === undefined ? [] : ["--registry"])]
  if (!jobs && of[0]) throw wrongInput("is about jobs", { where: of[0], fix: "give --jobs as well, or leave it out" })
}
