import { Command } from "commander"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { makePlan, readAsked } from "../../dagger/lib/plan/reading.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { parseReference } from "../../dagger/lib/release/reference.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { resolved, verifyRelease } from "../../dagger/lib/release/verify.ts"
import { reproduceText } from "../../dagger/lib/report/reproduce.ts"
import { reproduce } from "../../dagger/lib/reproduce/reproduce.ts"
import { digestsOf } from "../../dagger/lib/yard.ts"
import { commitOf } from "../git.ts"
import { publicHalfHere } from "../keys.ts"
import { machine, registry as registryOption, type Shared, withShared } from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { Progress } from "../show/progress.ts"
import { withYard } from "../yard.ts"

interface ReproduceFlags extends Shared {
  ref: string
  registry?: string
  machine?: string
}

export const reproduceVerb = (): Command =>
  withShared(
    new Command("reproduce").description("build a release again without any cache, and compare it byte for byte"),
  )
    .requiredOption("--ref <ref>", "host/org/family:tag, …@sha256:…, or a family: what is released now")
    .addOption(registryOption())
    .addOption(machine())
    .action(reproduceAction)

async function reproduceAction(flags: ReproduceFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  const { address: named, family, name } = parseReference(flags.ref, repository.fleet)
  const reading = await readAsked(repository, { families: [family] }, commitOf)
  const chosen = await chooseRegistry(repository.fleet, named ? `${named.host}/${named.org}` : flags.registry)
  const progress = new Progress(flags)
  const choice = await chooseEngine()
  const toolbox = ["build", "sbom", "run", "sign"] as const
  await withYard({ repository, commit: reading.commit, registry: chosen, toolbox, progress, choice }, async (yard) => {
    const registry = new Registry(yard.engine, yard.registry, yard.auth)
    const digest = await resolved(registry, family, name)
    const trust = trustOf(repository.fleet, await publicHalfHere())
    const { record, problems } = await verifyRelease(
      { registry: new Registry(yard.engine, yard.registry, yard.auth, "sign"), trust, now: yard.now },
      { family, digest },
    )
    if (!record)
      throw new Problem(`${family} ${digest.slice(0, 19)} has no record to go by`, {
        why: problems.join("; "),
        exitCode: 1,
      })
    const plan = await makePlan({
      ...{ repository, reading, records: yard.records, now: yard.now },
      ...{ bases: digestsOf(yard.bases), machine: flags.machine, noCache: true },
    })
    const answer = await reproduce(yard, { plan, inputs: reading.inputs, record, registry, machine: flags.machine })
    progress.done()
    console.log(flags.json ? JSON.stringify({ schema: 1, ...answer }) : reproduceText(answer))
    process.exitCode = answer.same ? 0 : 1
  })
}
