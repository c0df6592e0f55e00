import { Command, Option } from "commander"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { lineage } from "../../dagger/lib/fleet/hierarchy.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import type { ImageRecord } from "../../dagger/lib/release/record.ts"
import { parseReference, type Reference } from "../../dagger/lib/release/reference.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { resolved, verifyRelease } from "../../dagger/lib/release/verify.ts"
import { firstDifference, reproduceText } from "../../dagger/lib/report/reproduce.ts"
import type { Reproduction } from "../../dagger/lib/reproduce/answer.ts"
import { type Reproduced, reproduce, requireSame } from "../../dagger/lib/reproduce/reproduce.ts"
import { digestsOf, type Yard } from "../../dagger/lib/yard.ts"
import { clock } from "../clock.ts"
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
    const registry = new Registry(yard.engine, yard.registry, yard.auth)
    const plan = (asked: string[]) =>
      makePlan({
        ...{ repository, reading: { ...reading, asked }, records: yard.records, now: yard.now },
        ...{ bases: digestsOf(yard.bases), machine: flags.machine, noCache: true },
      })
    const answers: (Reproduced | Reproduction)[] = []
    const problems: Problem[] = []
    // One family's trouble keeps no other from being built again, where several are.
    const going = (error: unknown) => {
      if (named || !(error instanceof Problem)) throw error
      problems.push(error)
    }
    // Kept and told as they come: the next one may take minutes, and may be the last one.
    const onCompared = async (answer: Reproduced) => {
      answers.push(answer)
      await yard.records.putReproduction(kept(answer))
      progress.done()
      if (!flags.json) console.log(reproduceText(answer))
    }
    const whole = await plan(reading.asked)
    const records = new Map<string, ImageRecord>()
    const open = new Set<string>()
    const known: Reproduction[] = []
    for (const family of named ? [named.family] : reading.asked) {
      try {
        const line = named ? await releasedLine(yard, named) : [await releasedRecord(yard, family, "current")]
        for (const record of line)
          requireSame(yard, { plan: whole, inputs: reading.inputs, machine: flags.machine }, record)
        for (const record of line) records.set(record.family, record)
        const before = flags.resume ? await knownSame(yard, line.at(-1)!) : undefined
        if (!before) open.add(family)
        else known.push(before)
        if (before && !flags.json)
          console.log(`  ${family}  reproduced on ${before.at.slice(0, 10)}: ${before.released}`)
      } catch (error) {
        going(error)
      }
    }
    // What those stand on is built again with them: children have their parents' bytes.
    const again = new Set([...open].flatMap((each) => lineage(fleet, each).map(({ name }) => name)))
    answers.push(...known.filter(({ family }) => !again.has(family)))
    if (open.size > 0) {
      const asked = {
        plan: await plan([...open]),
        inputs: reading.inputs,
        registry,
        machine: flags.machine,
        onCompared,
      }
      const compared = [...records.values()].filter(({ family }) => again.has(family))
      await reproduce(yard, { ...asked, records: compared }).catch(going)
    }
    progress.done()
    for (const problem of problems) console.error(problem.message)
    const one = named && answers.find(({ family }) => family === named.family)
    if (flags.json) console.log(JSON.stringify({ schema: 1, ...(named ? one : { families: answers }) }))
    process.exitCode = problems[0]?.exitCode ?? (answers.every(({ same }) => same) ? 0 : 1)
  })
}

/** What came of this very release before, where it came out the same. */
async function knownSame({ records }: Yard, { family, digest, fingerprint }: ImageRecord) {
  const before = await records.reproduction(family)
  return before?.same && before.released === digest && before.fingerprint === fingerprint ? before : undefined
}

const kept = (answer: Reproduced): Reproduction => ({
  ...{ schema: 1, family: answer.family, fingerprint: answer.fingerprint, released: answer.released },
  ...{ rebuilt: answer.rebuilt, same: answer.same, difference: firstDifference(answer) },
  ...{ seconds: answer.seconds, at: clock().now.toISOString() },
})

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
