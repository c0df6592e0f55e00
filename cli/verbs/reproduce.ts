import { Command, Option } from "commander"
import { lineage } from "../../dagger/lib/fleet/hierarchy.ts"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { makePlan, type Reading, readAsked } from "../../dagger/lib/plan/reading.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { parseReference, type Reference } from "../../dagger/lib/release/reference.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { firstDifference, reproduceText } from "../../dagger/lib/report/reproduce.ts"
import type { Reproduction } from "../../dagger/lib/reproduce/answer.ts"
import { type Reproduced, reproduce, requireSame } from "../../dagger/lib/reproduce/reproduce.ts"
import { digestsOf, type Yard } from "../../dagger/lib/yard.ts"
import { clock } from "../clock.ts"
import { commitOf } from "../git.ts"
import { machine, registry as registryOption, type Shared, withShared } from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { chooseReleases } from "../reproduce/releases.ts"
import { chooseEngine } from "../setup/engine.ts"
import { Progress } from "../show/progress.ts"
import { withYard } from "../yard.ts"

interface ReproduceFlags extends Shared {
  ref?: string
  all?: boolean
  resume?: boolean
  registry?: string
  machine?: string
}

export const reproduceVerb = (): Command =>
  withShared(
    new Command("reproduce").description("build releases again without any cache, and compare them byte for byte"),
  )
    .option("--ref <ref>", "host/org/family:tag, …@sha256:…, or a family: what is released now")
    .addOption(new Option("--all", "every family that has a Dockerfile, as it is released now").conflicts("ref"))
    .option("--resume", "do not build again what came out the same for this very release before")
    .addOption(registryOption())
    .addOption(machine())
    .action(reproduceAction)

async function reproduceAction(flags: ReproduceFlags): Promise<void> {
  if (!flags.ref && !flags.all)
    throw wrongInput("nothing to reproduce is named", { where: "--ref", fix: "pass --ref FAMILY, or --all" })
  const repository = await openRepository(flags.source)
  const { fleet } = repository
  const named = flags.ref ? parseReference(flags.ref, fleet) : undefined
  const reading = await readAsked(repository, named ? { families: [named.family] } : { all: "families" }, commitOf)
  const address = named?.address
  const chosen = await chooseRegistry(fleet, address ? `${address.host}/${address.org}` : flags.registry)
  const progress = new Progress(flags)
  const choice = await chooseEngine()
  const toolbox = ["build", "sbom", "run", "sign"] as const
  await withYard({ repository, commit: reading.commit, registry: chosen, toolbox, progress, choice }, async (yard) => {
    const { answers, problems } = await reproduceReleases(yard, { flags, repository, reading, named, progress })
    progress.done()
    for (const problem of problems) console.error(problem.message)
    const one = named && answers.find(({ family }) => family === named.family)
    if (flags.json) console.log(JSON.stringify({ schema: 1, ...(named ? one : { families: answers }) }))
    process.exitCode = problems[0]?.exitCode ?? (answers.every(({ same }) => same) ? 0 : 1)
  })
}

interface Reproducing {
  flags: ReproduceFlags
  repository: Repository
  reading: Reading
  named?: Reference
  progress: Progress
}

async function reproduceReleases(yard: Yard, { flags, repository, reading, named, progress }: Reproducing) {
  const { inputs } = reading
  const plan = (asked: string[]) =>
    makePlan({
      ...{ repository, reading: { ...reading, asked }, records: yard.records, now: yard.now },
      ...{ bases: digestsOf(yard.bases), machine: flags.machine, noCache: true },
    })
  const making = { plan: await plan(reading.asked), inputs, machine: flags.machine }
  const { open, records, known, problems } = await chooseReleases(yard, {
    ...{ named, families: reading.asked, resume: flags.resume },
    check: (record) => requireSame(yard, making, record),
  })
  const say = (text: string) => {
    progress.done()
    if (!flags.json) console.log(text)
  }
  for (const { family, at, released } of known) say(`  ${family}  reproduced on ${at.slice(0, 10)}: ${released}`)
  // What those stand on is built again with them: children have their parents' bytes.
  const again = new Set(open.flatMap((each) => lineage(repository.fleet, each).map(({ name }) => name)))
  const answers: (Reproduced | Reproduction)[] = known.filter(({ family }) => !again.has(family))
  // Kept and told as they come: the next one may take minutes, and may be the last one.
  const onCompared = async (answer: Reproduced) => {
    answers.push(answer)
    await yard.records.putReproduction(kept(answer))
    say(reproduceText(answer))
  }
  if (open.length > 0) {
    const registry = new Registry(yard.engine, yard.registry, yard.auth)
    const compared = records.filter(({ family }) => again.has(family))
    const asked = { ...making, plan: await plan(open), registry, records: compared, onCompared }
    await reproduce(yard, asked).catch((error: unknown) => {
      if (named || !(error instanceof Problem)) throw error
      problems.push(error)
    })
  }
  return { answers, problems }
}

const kept = (answer: Reproduced): Reproduction => ({
  ...{ schema: 1, family: answer.family, fingerprint: answer.fingerprint, released: answer.released },
  ...{ rebuilt: answer.rebuilt, same: answer.same, difference: firstDifference(answer) },
  ...{ seconds: answer.seconds, at: clock().now.toISOString() },
})
