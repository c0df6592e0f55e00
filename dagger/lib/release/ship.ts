import pLimit from "p-limit"
import { type Built, build } from "../build/build.ts"
import type { Engine } from "../engine/engine.ts"
import { lineage } from "../fleet/hierarchy.ts"
import type { Rules } from "../gates/gate.ts"
import { ask, judgedAgain } from "../gates/look.ts"
import { gates } from "../gates/table.ts"
import { type Verdict, worst } from "../gates/verdict.ts"
import { builderVersion } from "../plan/fingerprint.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan, PlannedFamily } from "../plan/plan.ts"
import type { ExitCode } from "../problem.ts"
import type { Yard } from "../yard.ts"
import { fingerprintTag, publish } from "./publish.ts"
import type { GateRecord, ImageRecord } from "./record.ts"
import { isLoopback, Registry, repository } from "./registry.ts"

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
  const side = pLimit(yard.parallel)
  const reused = await reusable(yard, registry, options, side)
  const todo = options.plan.families.filter(({ family }) => !reused.has(family)).map(({ family }) => family)
  for (const family of todo) tell(options, { family, step: "build", state: "started" })
  const built = todo.length > 0 ? await build(yard, { ...options, families: todo }) : []
  const records = new Map<string, ImageRecord>(reused)
  await Promise.all(
    built.map(async (image) => {
      tell(options, { family: image.family, step: "build", state: "done", brief: `${Math.round(image.seconds)} s` })
      const record = await lookAt(yard, options, image, side)
      records.set(image.family, record)
      await yard.records.put(record)
    }),
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
          const { digest } = records.get(family)!
          const archive = built.find((each) => each.family === family)?.archive
          published.set(
            family,
            await publish(registry, { family, tag: options.plan.tag, digest, fingerprint, archive }),
          )
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
  return {
    schema: 1,
    verdict: worst(families.map(({ verdict }) => verdict)),
    tag: options.plan.tag,
    families,
    seconds: since(started),
  }
}

/** 0 passed or accepted (on loopback also unchecked), 1 a gate failed, 3 a gate could not look or nobody looked. */
export function exitCodeOf(verdict: Verdict, loopback: boolean): ExitCode {
  if (verdict === "FAIL") return 1
  if (verdict === "ERROR" || (verdict === "UNCHECKED" && !loopback)) return 3
  return 0
}

/**
 * Families whose very ingredients were built and seen before, and whose image the registry still has: their stored facts
 * are judged by today's rules.
 */
async function reusable(
  yard: Yard,
  registry: Registry,
  options: ShipOptions,
  side: Side,
): Promise<Map<string, ImageRecord>> {
  const found = new Map<string, ImageRecord>()
  await Promise.all(
    options.plan.families
      .filter(({ action }) => action === "reuse")
      .map((planned) =>
        side(async () => {
          const record = await yard.records.byFingerprint(planned.family, planned.fingerprint)
          const again = record && judgedAgain(record, options.rules(planned.family))
          if (!again || (await registry.digestOf(planned.family, fingerprintTag(planned.fingerprint))) !== again.digest)
            return
          found.set(planned.family, again)
          tell(options, { family: planned.family, step: "build", state: "done", brief: "unchanged" })
        }),
      ),
  )
  return found
}

type Side = ReturnType<typeof pLimit>

/** Runs every gate on a built image; a gate that fails does not hide what the others see. */
async function lookAt(yard: Yard, options: ShipOptions, image: Built, side: Side): Promise<ImageRecord> {
  const { family, archive, digest } = image
  const subject = { family, archive, digest, machine: options.machine }
  const answers = await Promise.all(
    gates.map((gate) =>
      side(async () => {
        tell(options, { family, step: gate.name, state: "started" })
        const answer = await ask(gate, subject, options.rules(family), yard.engine)
        tell(options, { family, step: gate.name, state: "done", verdict: answer.verdict, brief: answer.brief })
        return [gate.name, answer] as const
      }),
    ),
  )
  return recordOf(yard.engine, planOf(options.plan, family), image, Object.fromEntries(answers), yard.now)
}

const planOf = (plan: Plan, family: string): PlannedFamily => plan.families.find((each) => each.family === family)!

function recordOf(
  engine: Engine,
  planned: PlannedFamily,
  image: Built,
  gates: Record<string, GateRecord>,
  now: Date,
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
    gates,
    seconds: image.seconds,
    tools: { engine: engine.name, builder: builderVersion },
    at: now.toISOString(),
  }
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

const tell = (options: ShipOptions, event: ShipEvent) => options.onEvent?.(event)

const since = (started: number): number => Math.round(performance.now() - started) / 1000
