import type { Directory } from "@dagger.io/dagger"
import { fleetKeys, trustOf } from "../attest/trust.ts"
import { type Built, build } from "../build/build.ts"
import { buildOrder, familyNamed } from "../fleet/hierarchy.ts"
import { rulesFor } from "../fleet/repository.ts"
import { ask, lookingAt } from "../gates/look.ts"
import { gates } from "../gates/table.ts"
import type { Plan } from "../plan/plan.ts"
import { type Asked, makePlan, type Reading, readAsked } from "../plan/reading.ts"
import { requireClean } from "../plan/tag.ts"
import { Problem } from "../problem.ts"
import { exitCodeOf } from "../release/leave.ts"
import { parseReference } from "../release/reference.ts"
import { isLoopback, Registry } from "../release/registry.ts"
import { type ShipReport, ship } from "../release/ship.ts"
import { resolved, verifyRelease } from "../release/verify.ts"
import { planText } from "../report/plan.ts"
import { risksText } from "../report/risks.ts"
import { findingLines, shipText } from "../report/ship.ts"
import { duration, table, verdictWord } from "../report/text.ts"
import { verifyText } from "../report/verify.ts"
import { loadRisks } from "../risks/load.ts"
import { standingRisks } from "../risks/standing.ts"
import { digestsOf } from "../yard.ts"
import { commitIn } from "./commit.ts"
import {
  type DaggerYard,
  daggerEngine,
  daggerYard,
  keySignerIn,
  openSource,
  registryOf,
  type Site,
  signerIn,
} from "./yard.ts"

/** What every function of the module starts with: the yard, what is asked for, and the plan of it. */
interface Opened {
  yard: DaggerYard
  reading: Reading
  plan: Plan
}

async function opened(site: Site, asked: Asked, machine?: string, noCache = false): Promise<Opened> {
  const yard = await daggerYard(site)
  const repository = { root: yard.root, fleet: yard.fleet }
  const reading = await readAsked(repository, { ...asked, all: anything(asked) ? false : "families" }, commitIn(yard))
  const bases = digestsOf(yard.bases)
  const plan = await makePlan({ repository, reading, bases, records: yard.records, machine, noCache, now: yard.now })
  return { yard, reading, plan }
}

const anything = ({ families = [], apps = [], services = [] }: Asked): boolean =>
  families.length + apps.length + services.length > 0

/** What would be built and why, as text. */
export async function planCall(site: Site, asked: Asked): Promise<string> {
  return planText((await opened(site, asked)).plan)
}

/** Builds a family and what it stands on; answers the asked-for image. */
export async function buildCall(
  site: Site,
  family: string,
  machine?: string,
  noCache = false,
): Promise<{ built: Built; tag: string; summary: string }> {
  const { yard, reading, plan } = await opened(site, { families: [family] }, machine, noCache)
  try {
    const families = plan.families.map((each) => each.family)
    const built = (await build(yard, { plan, inputs: reading.inputs, families, machine, noCache })).at(-1)!
    return { built, tag: plan.tag, summary: builtText(built, plan) }
  } finally {
    await yard.engine.close()
  }
}

/** Runs one gate over a family's image. Throws a Problem with every finding when it does not pass. */
export async function gateCall(site: Site, family: string, name: string, machine?: string): Promise<string> {
  const gate = gates.find((each) => each.name === name)!
  const { yard, reading, plan } = await opened(site, { families: [family] }, machine)
  try {
    const order = buildOrder(yard.fleet, [family]).map((each) => each.name)
    const built = (await build(yard, { plan, inputs: reading.inputs, families: order, machine })).at(-1)!
    const rules = await rulesFor(yard, order, machine)
    const { name: asked } = familyNamed(yard.fleet, family)
    const answer = await ask(gate, lookingAt({ ...built, family: asked, machine }, rules(asked), yard))
    const head = `${asked}  ${name} ${verdictWord(answer.verdict)} ${answer.brief ?? ""} in ${duration(answer.seconds)}`
    const text = [head, ...answer.findings.flatMap(findingLines)].join("\n")
    if (exitCodeOf(answer.verdict, true) !== 0) throw new Problem(text, { exitCode: exitCodeOf(answer.verdict, true) })
    return text
  } finally {
    await yard.engine.close()
  }
}

/** Every acceptance of risks.yaml, by the days alone: the module keeps no records to tell which of them is used. */
export async function risksCall(source: Directory): Promise<string> {
  const { root, fleet } = await openSource(source)
  return risksText(standingRisks(await loadRisks(root, fleet), {}, new Date()))
}

export interface ShipCall extends Asked {
  machine?: string
  dryRun?: boolean
  noCache?: boolean
  allowDirty?: boolean
}

/** Ships families; answers the report and its text. A report that did not pass is thrown, text first. */
export async function shipCall(site: Site, call: ShipCall): Promise<{ report: ShipReport; text: string }> {
  const { yard, reading, plan } = await opened(site, call, call.machine, call.noCache)
  requireClean(reading.commit, call.allowDirty === true || call.dryRun === true)
  try {
    yard.signer = await signerIn(site, yard)
    const rules = await rulesFor(
      yard,
      plan.families.map((each) => each.family),
      call.machine,
    )
    const report = await ship(yard, { plan, inputs: reading.inputs, rules, asked: reading.asked, ...call })
    const text = shipText(report, yard.registry, call.dryRun)
    const exitCode = exitCodeOf(report.verdict, isLoopback(yard.registry))
    if (exitCode !== 0) throw new Problem(text, { exitCode })
    return { report, text }
  } finally {
    await yard.engine.close()
  }
}

/** Verifies a published image; answers what it rests on. Throws a Problem with the same text when it is not good. */
export async function verifyCall(site: Site, ref: string): Promise<string> {
  const repository = await openSource(site.source)
  const { fleet } = repository
  const { address = await registryOf(site, fleet), family, name } = parseReference(ref, fleet)
  const engine = daggerEngine(site)
  try {
    const trust = trustOf(repository, fleetKeys(fleet) ? undefined : (await keySignerIn(site, engine))?.publicKey)
    const login = site.registryAuth && engine.secret("registry-auth", site.registryAuth)
    const registry = new Registry(engine, address, login, "sign")
    const digest = await resolved(registry, family, name)
    const verified = await verifyRelease({ registry, trust, now: new Date() }, { family, digest })
    const text = verifyText(ref, verified)
    if (!verified.good) throw new Problem(text, { exitCode: 1 })
    return text
  } finally {
    await engine.close()
  }
}

/** One image in a line, for people. */
const builtText = ({ family, digest, packages, seconds, ran }: Built, { tag }: Plan): string =>
  table(
    ["family", "build", "sbom", "digest", "tag"],
    [[family, ran === 0 ? "cached" : duration(seconds), `${packages} pkg`, digest, tag]],
  )
