import { Command, Option } from "commander"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import type { ImageRecord } from "../../dagger/lib/release/record.ts"
import { parseReference, type Reference } from "../../dagger/lib/release/reference.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { resolved, verifyRelease } from "../../dagger/lib/release/verify.ts"
import { reproduceText } from "../../dagger/lib/report/reproduce.ts"
import { type Reproduced, reproduce } from "../../dagger/lib/reproduce/reproduce.ts"
import { digestsOf, type Yard } from "../../dagger/lib/yard.ts"
import { commitOf } from "../git.ts"
import { publicHalfHere } from "../keys.ts"
import { machine, registry as registryOption, type Shared, withShared } from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { Progress } from "../show/progress.ts"
import { withYard } from "../yard.ts"

interface ReproduceFlags extends Shared {
  ref?: string
  all?: boolean
  registry?: string
  machine?: string
}

export const reproduceVerb = (): Command =>
  withShared(
    new Command("reproduce").description("build releases again without any cache, and compare them byte for byte"),
  )
    .option("--ref <ref>", "host/org/family:tag, …@sha256:…, or a family: what is released now")
    .addOption(new Option("--all", "every family that has a Dockerfile, as it is released now").conflicts("ref"))
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
    const registry = new Registry(yard.engine, yard.registry, yard.auth)
    const records = named ? await releasedLine(yard, named) : []
    if (!named) for (const each of reading.asked) records.push(await releasedRecord(yard, each, "current"))
    const plan = await makePlan({
      ...{ repository, reading, records: yard.records, now: yard.now },
      ...{ bases: digestsOf(yard.bases), machine: flags.machine, noCache: true },
    })
    // Told as they come: the next one may take minutes.
    const onCompared = (answer: Reproduced) => {
      progress.done()
      if (!flags.json) console.log(reproduceText(answer))
    }
    const { inputs } = reading
    const answers = await reproduce(yard, { plan, inputs, records, registry, machine: flags.machine, onCompared })
    const one = named && answers.find(({ family }) => family === named.family)
    if (flags.json) console.log(JSON.stringify({ schema: 1, ...(named ? one : { families: answers }) }))
    process.exitCode = answers.every(({ same }) => same) ? 0 : 1
  })
}

/** The records of a release and of all that it stands on, those first: a child has its parent's bytes. */
async function releasedLine(yard: Yard, { family, name }: Pick<Reference, "family" | "name">): Promise<ImageRecord[]> {
  const record = await releasedRecord(yard, family, name)
  const { parent } = record
  return [...(parent ? await releasedLine(yard, { family: parent.family, name: parent.digest }) : []), record]
}

/** The record that was signed for a release; nothing else is gone by. */
async function releasedRecord(yard: Yard, family: string, name: string): Promise<ImageRecord> {
  const digest = await resolved(new Registry(yard.engine, yard.registry, yard.auth), family, name)
  const signed = new Registry(yard.engine, yard.registry, yard.auth, "sign")
  const trust = trustOf(yard.fleet, await publicHalfHere())
  const { record, problems } = await verifyRelease({ registry: signed, trust, now: yard.now }, { family, digest })
  if (record) return record
  throw new Problem(`${family} ${digest.slice(0, 19)} has no record to go by`, {
    why: problems.join("; "),
    exitCode: 1,
  })
}
