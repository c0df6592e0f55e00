import pLimit from "p-limit"
import { requireIdentity } from "../attest/keyless.ts"
import { publicKeyOf, signerName } from "../attest/sign.ts"
import { signingNote } from "../attest/trust.ts"
import type { SizeFacts } from "../gates/size.ts"
import { type Verdict, worst } from "../gates/verdict.ts"
import { type NewestRecords, riskNotes } from "../risks/standing.ts"
import type { Yard } from "../yard.ts"
import { type Examined, examine } from "./examine.ts"
import { find } from "./found.ts"
import { publishAll, publishable } from "./leave.ts"
import type { Published } from "./publish.ts"
import { type GateRecord, type ImageRecord, verdictOf } from "./record.ts"
import { Registry, repository } from "./registry.ts"
import type { ShipOptions } from "./shipping.ts"

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
  /** What building it took; for one that was there already, what it took then. */
  seconds: number
  /** The same of looking at it. */
  gateSeconds: number
  /** Of the build of this run: steps that ran, and that came from the cache. */
  steps?: { ran: number; cached: number }
  /** Bytes of layers that no image before this run had; absent for what was there already. */
  added?: number
}

export interface ShipReport {
  schema: 1
  verdict: Verdict
  tag: string
  families: ShippedFamily[]
  /** Who signed the records of what was published: a key's id, or as whom a CI's job may sign. */
  signedBy?: string
  /** What people should know although it stops nothing. */
  notes?: string[]
  seconds: number
}

/**
 * Builds, looks through every gate, publishes what passed, writes records. Where an image cannot be built or looked at, what
 * does not stand on it leaves all the same; then that is thrown.
 */
export async function ship(yard: Yard, given: ShipOptions): Promise<ShipReport> {
  const started = performance.now()
  const registry = new Registry(yard.engine, yard.registry, yard.auth)
  const note = given.dryRun ? undefined : await requireSigning(yard)
  const side = pLimit(yard.parallel)
  // Asked while the images are built: it may take a download.
  yard.advisories().catch(() => {})
  const found = await find(yard, registry, given, side)
  const options = { ...given, plan: found.plan }
  options.onPlan?.(found.plan)
  const before = await layersBefore(yard, options)
  const examined = await examine(yard, registry, options, { found, side })
  const verdicts = new Map([...examined.records].map(([family, record]) => [family, verdictOf(record)]))
  const leaving = publishable(yard, options, verdicts)
  const [published, unwritten] = await Promise.all([
    publishAll({ yard, registry, options, examined, found }, leaving, side),
    examined.caches.ended(),
  ])
  if (examined.failure) throw examined.failure.reason
  const families = shippedFamilies(yard, options, { examined, published, before })
  const notes = [
    ...(note ? [note] : []),
    ...found.notes,
    ...(unwritten ? [unwritten] : []),
    ...riskNotes(yard.risks, await newestOf(yard, examined.records), yard.now),
  ]
  return {
    schema: 1,
    verdict: worst(families.map(({ verdict }) => verdict)),
    tag: options.plan.tag,
    families,
    ...(yard.signer && published.size > 0 ? { signedBy: signerName(yard.signer) } : {}),
    ...(notes.length > 0 ? { notes } : {}),
    seconds: Math.round(performance.now() - started) / 1000,
  }
}

/** Throws where what is published could not be signed so that others believe it; the note is for people. */
async function requireSigning({ fleet, registry, signer }: Yard): Promise<string | undefined> {
  if (!signer || "publicKey" in signer) return signingNote(fleet, registry, publicKeyOf(signer))
  await requireIdentity(signer)
  return undefined
}

interface Ended {
  examined: Examined
  published: ReadonlyMap<string, Published>
  before: ReadonlySet<string>
}

function shippedFamilies(
  yard: Yard,
  { plan }: ShipOptions,
  { examined: { records, reused, built }, published, before }: Ended,
): ShippedFamily[] {
  const seen = new Set(before)
  return plan.families.map(({ family, reasons }) => {
    const record = records.get(family)!
    const { digest, size, packages, gates, seconds, gateSeconds } = record
    const out = published.get(family)
    const made = built.find((each) => each.family === family)
    const fresh = layersOf(record).filter((layer) => !seen.has(layer.digest))
    for (const layer of fresh) seen.add(layer.digest)
    return {
      family,
      verdict: verdictOf(record),
      reused: reused.has(family),
      reason: reasons.join("; ") || (reused.has(family) ? "unchanged" : "not in the registry"),
      ...(out ? { ref: `${repository(yard.registry, family)}:${plan.tag}` } : {}),
      digest,
      ...(out?.previous ? { previous: out.previous } : {}),
      ...{ size, packages, gates, seconds, gateSeconds },
      ...(made
        ? {
            steps: { ran: made.ran, cached: made.cached },
            added: fresh.reduce((sum, layer) => sum + layer.compressed, 0),
          }
        : {}),
    }
  })
}

/** The layers of what these families were when they were last made: a registry that has them is sent none of them. */
async function layersBefore(yard: Yard, { plan }: ShipOptions): Promise<Set<string>> {
  if (plan.families.every(({ action }) => action === "reuse")) return new Set()
  const records = await Promise.all(plan.families.map(({ family }) => yard.records.latest(family)))
  return new Set(records.flatMap((record) => (record ? layersOf(record) : [])).map(({ digest }) => digest))
}

/** By the gate that weighs them; none where it did not look. */
const layersOf = ({ gates }: ImageRecord): SizeFacts["layers"] =>
  (gates.size?.facts as Partial<SizeFacts> | undefined)?.layers ?? []

/** The newest record of every family that risks.yaml names: those of this run, else the stored ones. */
async function newestOf(yard: Yard, records: ReadonlyMap<string, ImageRecord>): Promise<NewestRecords> {
  const families = [...new Set(yard.risks.flatMap((risk) => Object.keys(risk.families)))]
  const found = families.map(
    async (family) => [family, records.get(family) ?? (await yard.records.latest(family))] as const,
  )
  return Object.fromEntries(await Promise.all(found))
}
