import type { LimitFunction } from "p-limit"
import { Referrers } from "../attest/referrers.ts"
import { signerName } from "../attest/sign.ts"
import { recordStatement } from "../attest/statement.ts"
import type { Trust } from "../attest/trust.ts"
import { harmless } from "../engine/engine.ts"
import { fingerprint as printOf } from "../plan/fingerprint.ts"
import type { Plan, PlannedFamily } from "../plan/plan.ts"
import { Problem } from "../problem.ts"
import { sha256 } from "../sha256.ts"
import type { Yard } from "../yard.ts"
import { trustIn } from "./attesting.ts"
import { digestsOf } from "./digests.ts"
import { current, fingerprintTag, type Published } from "./publish.ts"
import type { ImageRecord } from "./record.ts"
import type { Registry } from "./registry.ts"
import type { ShipOptions } from "./shipping.ts"
import type { PublishedRelease } from "./store.ts"
import { attachedRecord } from "./verify.ts"

/** What need not be built, by records and by the registry together. */
export interface Found {
  /** The plan with what the registry said: what it has is reused, what it has no more is built. */
  plan: Plan
  /** family -> its record, of an image that the registry has. */
  records: ReadonlyMap<string, ImageRecord>
  /** Families that were released from here as this run would release them, and still are. */
  released: ReadonlyMap<string, Published>
  /** Has fetched what hangs on those that another machine built. */
  referrers: Referrers
  /** Why an image that is there is built all the same, a line each. */
  notes: string[]
}

/**
 * Asks the registry for the images of a plan: one request for each whose record is here. An image that another machine
 * built counts when its attached record was signed by somebody whom the fleet trusts and is about this very fingerprint;
 * that record is fetched once, with those of all others, and kept.
 */
export async function find(yard: Yard, registry: Registry, options: ShipOptions, side: LimitFunction): Promise<Found> {
  const { plan } = options
  const referrers = new Referrers(registry)
  const nothing = { plan, records: new Map(), released: new Map(), referrers }
  if (options.noCache) return { ...nothing, notes: [] }
  try {
    const known = await Promise.all(plan.families.map((each) => knownHere(yard, plan, each)))
    return await ask(yard, registry, options, { known, referrers, side })
  } catch (error) {
    // A dry run writes nothing there, and can do without.
    if (!options.dryRun || !(error instanceof Problem) || error.exitCode !== 3) throw error
    return { ...nothing, notes: [`${yard.registry.host} could not be asked for images, so all are built`] }
  }
}

/** What is known here of a family: its record, and the release that this run would repeat. */
interface KnownHere {
  planned: PlannedFamily
  kept?: ImageRecord
  before?: PublishedRelease
}

async function knownHere({ records, signer }: Yard, { tag }: Plan, planned: PlannedFamily): Promise<KnownHere> {
  const { family, fingerprint } = planned
  const kept = await records.byFingerprint(family, fingerprint)
  if (!kept) return { planned }
  const last = (await records.releases(family))[0]
  const same = last?.tag === tag && isSaidOf(last, kept, signer && signerName(signer))
  return { planned, kept, ...(same ? { before: last } : {}) }
}

/** Whether this release left this very record on the image, signed by this signer. */
export const isSaidOf = (release: PublishedRelease, record: ImageRecord, signer: string | undefined): boolean =>
  release.digest === record.digest &&
  release.signedBy === signer &&
  (signer === undefined || release.statement === sha256(recordStatement(record)))

async function ask(
  yard: Yard,
  registry: Registry,
  { plan }: ShipOptions,
  { known, referrers, side }: { known: readonly KnownHere[]; referrers: Referrers; side: LimitFunction },
): Promise<Found> {
  const { digests, moved } = await askDigests(registry, known)
  const trust = trustIn(yard)
  const elsewhere = known.flatMap(({ planned: { family }, kept }, index) => {
    const digest = digests[index]
    return digest === undefined || kept?.digest === digest ? [] : [{ family, digest }]
  })
  if (trust) await referrers.fetchAhead(elsewhere)
  const answers = known.map(({ planned, kept, before }, index) =>
    side(async (): Promise<Answer> => {
      const { family } = planned
      const digest = digests[index]
      if (digest === undefined) return kept ? { planned: rebuilt(planned, "not in the registry") } : { planned }
      if (kept?.digest === digest) {
        const released = before && !moved.includes(index) ? { released: { digest, ...previousOf(before) } } : {}
        return { planned: reused(planned, kept), record: kept, ...released }
      }
      const { record, why } = await fromElsewhere(yard, { trust, referrers }, planned, digest)
      if (record) return { planned: reused(planned, record, "built on another machine"), record }
      const note = `${family} is built here, though ${fingerprintTag(planned.fingerprint)} is in the registry: ${why}`
      return { planned: rebuilt(planned, "the registry's own is not believed"), note }
    }),
  )
  const all = await Promise.all(answers)
  return {
    plan: { ...plan, families: all.map(({ planned }) => planned) },
    records: new Map(all.flatMap(({ planned, record }) => (record ? [[planned.family, record]] : []))),
    released: new Map(all.flatMap(({ planned, released }) => (released ? [[planned.family, released]] : []))),
    notes: all.flatMap(({ note }) => note ?? []),
    referrers,
  }
}

/** What the registry has of each; `moved` are those that were released from here, and another is current now. */
async function askDigests(registry: Registry, known: readonly KnownHere[]) {
  const byPrint = ({ family, fingerprint }: PlannedFamily) => ({ family, tag: fingerprintTag(fingerprint) })
  const first = await digestsOf(
    registry,
    known.map(({ planned, before }) => (before ? { family: planned.family, tag: current } : byPrint(planned))),
  )
  const moved = known.flatMap(({ before }, index) => (before && first[index] !== before.digest ? [index] : []))
  // The image itself is asked for.
  const again = await digestsOf(
    registry,
    moved.map((index) => byPrint(known[index]!.planned)),
  )
  return {
    digests: first.map((digest, index) => (moved.includes(index) ? again[moved.indexOf(index)] : digest)),
    moved,
  }
}

interface Answer {
  planned: PlannedFamily
  record?: ImageRecord
  released?: Published
  note?: string
}

const previousOf = ({ previous }: PublishedRelease) => (previous ? { previous } : {})

const rebuilt = (planned: PlannedFamily, reason: string): PlannedFamily => {
  const { digest: _, ...rest } = planned
  return { ...rest, action: "build", reasons: [reason, ...planned.reasons.filter((each) => each !== reason)] }
}

const reused = (planned: PlannedFamily, { digest, seconds, size }: ImageRecord, reason?: string): PlannedFamily => ({
  ...planned,
  action: "reuse",
  reasons: reason === undefined ? [] : [reason],
  digest,
  expected: { seconds, bytes: size.compressed },
})

/** The record that hangs on an image, kept here from now on; or why it is not believed. */
async function fromElsewhere(
  yard: Yard,
  { trust, referrers }: { trust: Trust | undefined; referrers: Referrers },
  { family, fingerprint }: PlannedFamily,
  digest: string,
): Promise<{ record?: ImageRecord; why?: string }> {
  if (!trust) return { why: "nobody is known here whose signature on its record would count" }
  const { record, signed, refused } = await attachedRecord({ referrers, trust }, { family, digest })
  if (!record || !signed) return { why: harmless(refused[0] ?? "it has no record") }
  // Whoever may push can let the tag point to any image, an older and good one, too.
  if (record.fingerprint !== fingerprint || printOf(record.ingredients) !== fingerprint)
    return { why: "its record is about an image that was made of something else" }
  await yard.records.put(record)
  await yard.records.putSigned(family, signed.statement, signed)
  return { record }
}
