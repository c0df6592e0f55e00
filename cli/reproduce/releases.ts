import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import type { ImageRecord } from "../../dagger/lib/release/record.ts"
import type { Reference } from "../../dagger/lib/release/reference.ts"
import { Registry } from "../../dagger/lib/release/registry.ts"
import { resolved, verifyRelease } from "../../dagger/lib/release/verify.ts"
import type { Reproduction } from "../../dagger/lib/reproduce/answer.ts"
import type { Yard } from "../../dagger/lib/yard.ts"
import { publicHalfHere } from "../keys.ts"

/** What is to be made again, by the records that were signed for it. */
export interface Chosen {
  /** Families that have to be built, as they were asked for. */
  open: string[]
  records: ImageRecord[]
  /** What came out the same before, for these very releases. */
  known: Reproduction[]
  /** Why others cannot be made again. */
  problems: Problem[]
}

export interface Choosing {
  /** One release; without it what is released now of `families`. */
  named?: Pick<Reference, "family" | "name">
  families: readonly string[]
  /** Leaves out what came out the same before. */
  resume?: boolean
  /** Throws where a release cannot be made again from here. */
  check: (record: ImageRecord) => void
}

/** Reads the records of releases. One that is named has to be there; of several, one family's trouble stops no other. */
export async function chooseReleases(yard: Yard, { named, families, resume, check }: Choosing): Promise<Chosen> {
  const chosen: Chosen = { open: [], records: [], known: [], problems: [] }
  for (const family of named ? [named.family] : families) {
    try {
      const line = named ? await releasedLine(yard, named) : [await releasedRecord(yard, family, "current")]
      for (const record of line) check(record)
      chosen.records.push(...line)
      const before = resume ? await knownSame(yard, line.at(-1)!) : undefined
      if (before) chosen.known.push(before)
      else chosen.open.push(family)
    } catch (error) {
      if (named || !(error instanceof Problem)) throw error
      chosen.problems.push(error)
    }
  }
  return chosen
}

/** What came of this very release before, where it came out the same. */
async function knownSame({ records }: Yard, { family, digest, fingerprint }: ImageRecord) {
  const before = await records.reproduction(family)
  return before?.same && before.released === digest && before.fingerprint === fingerprint ? before : undefined
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
  const trust = trustOf(yard, await publicHalfHere())
  const { record, problems } = await verifyRelease({ registry: signed, trust, now: yard.now }, { family, digest })
  if (record) return record
  throw new Problem(`${family} ${digest.slice(0, 19)} has no record to go by`, {
    why: problems.join("; "),
    exitCode: 1,
  })
}
