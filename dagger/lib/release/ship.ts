import pLimit from "p-limit"
import { attest } from "../attest/attest.ts"
import { signingNote } from "../attest/trust.ts"
import { type Built, build } from "../build/build.ts"
import { lineage } from "../fleet/hierarchy.ts"
import type { Rules } from "../gates/gate.ts"
import { type Verdict, worst } from "../gates/verdict.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan, PlannedFamily } from "../plan/plan.ts"
import type { ExitCode } from "../problem.ts"
import { type NewestRecords, riskNotes } from "../risks/standing.ts"
import type { Yard } from "../yard.ts"
import { type Inspected, inspect } from "./inspect.ts"
import { publish } from "./publish.ts"
import type { GateRecord, ImageRecord } from "./record.ts"
import { isLoopback, Registry, repository } from "./registry.ts"
import { reusable } from "./reuse.ts"
import { toolsOf } from "./tools.ts"

/** What `ship` answers for one family; see docs/schema/ship.schema.json. */
export interface ShippedFamily {
  family: string
  verdict: Verdict
  /** The image was there already: nothing was built. */
  reused: boolean
  reason: string
  /** Absent when it was not published. */
  ref?: string
  digest: string
  previous?: string
  size: { compressed: number; uncompressed: number }
  packages: number
  gates: Record<string, GateRecord>
  seconds: number
}

export interface ShipReport {
  schema: 1
  verdict: Verdict
  tag: string
  families: ShippedFamily[]
  /** The id of the key that signed the records of what was published. */
  signedBy?: string
  /** What people should know although it stops nothing. */
  notes?: string[]
  seconds: number
}

export interface ShipOptions {
  plan: Plan
  inputs: AllInputs
  rules: (family: string) => Rules
  /** The families that were asked for by name; the others are what they stand on. */
  asked: readonly string[]
  machine?: string
  noCache?: boolean
  /** Stop before the first write to a registry. */
  dryRun?: boolean
  onEvent?: (event: ShipEvent) => void
}

/** What happens while shipping, for whoever shows it. */
export interface ShipEvent {
  family: string
  /** "build", a gate's name, "publish". */
  step: string
  state: "started" | "done"
  verdict?: Verdict
  /** What fits into a cell. */
  brief?: string
}

/** Builds, looks through every gate, publishes what passed, writes records. */
export async function ship(yard: Yard, options: ShipOptions): Promise<ShipReport> {
  const started = performance.now()
  const registry = new Registry(yard.engine, yard.registry, yard.auth)
  const { signer } = yard
  const note = options.dryRun ? undefined : signingNote(yard.fleet, yard.registry, signer?.publicKey)
  const side = pLimit(yard.parallel)
  // Asked while the images are built: it may take a download.
  yard.advisories().catch(() => {})
  const reused = await reusable(yard, registry, options, side)
  const todo = options.plan.families.filter(({ family }) => !reused.has(family)).map(({ family }) => family)
  for (const family of todo) tell(options, { family, step: "build", state: "started" })
  const built = todo.length > 0 ? await build(yard, { ...options, families: todo }) : []
  const records = new Map<string, ImageRecord>(reused)
  for (const { family, seconds } of built)
    tell(options, { family, step: "build", state: "done", brief: `${Math.round(seconds)} s` })
  await Promise.all(
    built.map((image) =>
      side(async () => {
        const inspected = await inspect(yard, options, image)
        const tools = await toolsOf(yard.engine)
        const record = recordOf(planOf(options.plan, image.family), image, { ...inspected, tools })
        records.set(image.family, record)
        await yard.records.put(record)
      }),
    ),
  )
  const verdicts = new Map(
    [...records].map(([family, { gates }]) => [family, worst(Object.values(gates).map((each) => each.verdict))]),
  )
  const leaving = publishable(yard, options, verdicts)
  const published = new Map<string, Awaited<ReturnType<typeof publish>>>()
  await Promise.all(
    options.plan.families
      .filter(({ family }) => leaving.has(family))
      .map((planned) =>
        side(async () => {
          const { family, fingerprint } = planned
          tell(options, { family, step: "publish", state: "started" })
          const record = records.get(family)!
          const { digest } = record
          const { tag } = options.plan
          const { archive, sbom } = built.find((each) => each.family === family) ?? {}
          const attesting = signer && (() => attest({ registry, records: yard.records, signer }, record, sbom))
          const out = await publish(registry, { family, tag, digest, fingerprint, archive, attest: attesting })
          published.set(family, out)
          const ref = `${repository(yard.registry, family)}:${tag}`
          const signedBy = signer?.publicKey.id
          await yard.records.released({ family, tag, ref, ...out, signedBy, at: new Date().toISOString() })
          tell(options, { family, step: "publish", state: "done", brief: options.plan.tag })
        }),
      ),
  )
  const families = options.plan.families.map((planned): ShippedFamily => {
    const record = records.get(planned.family)!
    const out = published.get(planned.family)
    return {
      family: planned.family,
      verdict: verdicts.get(planned.family)!,
      reused: reused.has(planned.family),
      reason: planned.reasons.join("; ") || (reused.has(planned.family) ? "unchanged" : "not in the registry"),
      ...(out ? { ref: `${repository(yard.registry, planned.family)}:${options.plan.tag}` } : {}),
      digest: record.digest,
      ...(out?.previous ? { previous: out.previous } : {}),
      size: record.size,
      packages: record.packages,
      gates: record.gates,
      seconds: record.seconds,
    }
  })
  const notes = [...(note ? [note] : []), ...riskNotes(yard.risks, await newestOf(yard, records), yard.now)]
  return {
    schema: 1,
    verdict: worst(families.map(({ verdict }) => verdict)),
    tag: options.plan.tag,
    families,
    ...(signer && published.size > 0 ? { signedBy: signer.publicKey.id } : {}),
    ...(notes.length > 0 ? { notes } : {}),
    seconds: since(started),
  }
}

/** The newest record of every family that risks.yaml names: those of this run, else the stored ones. */
async function newestOf(yard: Yard, records: ReadonlyMap<string, ImageRecord>): Promise<NewestRecords> {
  const families = [...new Set(yard.risks.flatMap((risk) => Object.keys(risk.families)))]
  const found = families.map(
    async (family) => [family, records.get(family) ?? (await yard.records.latest(family))] as const,
  )
  return Object.fromEntries(await Promise.all(found))
}

/** 0 passed or accepted (on loopback also unchecked), 1 a gate failed, 3 a gate could not look or nobody looked. */
export function exitCodeOf(verdict: Verdict, loopback: boolean): ExitCode {
  if (verdict === "FAIL") return 1
  if (verdict === "ERROR" || (verdict === "UNCHECKED" && !loopback)) return 3
  return 0
}

/**
 * What leaves for the registry: families that passed together with all that they stand on. A family that was not asked
 * for leaves only with one that was.
 */
function publishable(yard: Yard, options: ShipOptions, verdicts: ReadonlyMap<string, Verdict>): Set<string> {
  if (options.dryRun) return new Set()
  const loopback = isLoopback(yard.registry)
  const line = (family: string) => lineage(yard.fleet, family).map(({ name }) => name)
  const sound = (family: string) => exitCodeOf(verdicts.get(family) ?? "ERROR", loopback) === 0
  return new Set(
    options.asked
      .map((family) => line(family))
      .filter((names) => names.every(sound))
      .flat(),
  )
}

const planOf = (plan: Plan, family: string): PlannedFamily => plan.families.find((each) => each.family === family)!

function recordOf(
  planned: PlannedFamily,
  image: Built,
  { gates, seconds, tools }: Inspected & Pick<ImageRecord, "tools">,
): ImageRecord {
  const size = gates.size?.facts as { compressed?: number; uncompressed?: number } | undefined
  return {
    schema: 1,
    family: image.family,
    fingerprint: planned.fingerprint,
    ingredients: planned.ingredients,
    digest: image.digest,
    revision: planned.revision,
    size: { compressed: size?.compressed ?? 0, uncompressed: size?.uncompressed ?? 0 },
    packages: image.packages,
    contents: image.contents,
    gates,
    gateSeconds: seconds,
    seconds: image.seconds,
    tools,
    // The time itself, not the day that was judged for (FAIRLEAD_NOW): of signed records the newest counts.
    at: new Date().toISOString(),
  }
}

export const tell = (options: Pick<ShipOptions, "onEvent">, event: ShipEvent) => options.onEvent?.(event)

const since = (started: number): number => Math.round(performance.now() - started) / 1000
