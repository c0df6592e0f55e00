import { buildOrder, familyNamed } from "../fleet/hierarchy.ts"
import type { Repository } from "../fleet/repository.ts"
import { wrongInput } from "../problem.ts"
import type { RecordStore } from "../release/store.ts"
import type { BaseDigests } from "./fingerprint.ts"
import { type AllInputs, readInputs } from "./inputs.ts"
import { type Known, type Plan, pathsOf, planOf } from "./plan.ts"
import type { Commit } from "./tag.ts"

/** What the repository says of the families that are asked for, before anything is readied. */
export interface Reading {
  /** Names, not aliases, as asked for. */
  asked: string[]
  inputs: AllInputs
  commit: Commit
}

export interface Asked {
  /** Names or aliases. */
  families?: readonly string[]
  /** Every family with a Dockerfile. */
  all?: boolean
}

/** What git says of some paths of the checkout. */
export type CommitOf = (root: string, paths: readonly string[]) => Promise<Commit>

/** Reads what the families that are asked for are made of, and what git says of it. */
export async function readAsked(
  { root, fleet }: Repository,
  { families, all }: Asked,
  commitOf: CommitOf,
): Promise<Reading> {
  const buildable = Object.keys(fleet.families).filter((name) => fleet.families[name]!.dockerfile)
  const asked = all ? buildable : [...new Set((families ?? []).map((each) => familyNamed(fleet, each).name))]
  if (asked.length === 0) {
    throw wrongInput("no family is named", {
      where: "--family",
      fix: `pass --family ${buildable.at(-1) ?? "NAME"} (repeatable), or --all`,
    })
  }
  const order = buildOrder(fleet, asked).map(({ name }) => name)
  const inputs = await readInputs(root, fleet, order)
  const commit = await commitOf(root, [...new Set(order.flatMap((family) => pathsOf(fleet, inputs, family)))])
  return { asked, inputs, commit }
}

export interface Planning {
  repository: Repository
  reading: Reading
  bases: BaseDigests
  records: RecordStore
  machine?: string
  noCache?: boolean
  now?: Date
}

export async function makePlan({
  repository,
  reading,
  bases,
  records,
  machine,
  noCache,
  now,
}: Planning): Promise<Plan> {
  const { fleet } = repository
  if (machine && !fleet.hosts[machine]) {
    throw wrongInput(`"${machine}" is no host`, {
      where: "--machine",
      fix: `one of ${Object.keys(fleet.hosts).join(", ")}`,
    })
  }
  const order = buildOrder(fleet, reading.asked)
  const known = await Promise.all(order.map(async ({ name }) => [name, await knownOf(records, name)] as const))
  return planOf(fleet, {
    families: reading.asked,
    inputs: reading.inputs,
    bases,
    commit: reading.commit,
    now: now ?? new Date(),
    known: Object.fromEntries(known),
    machine,
    noCache,
  })
}

async function knownOf(records: RecordStore, family: string): Promise<Known | undefined> {
  const record = await records.latest(family)
  return record && { ...record, compressed: record.size.compressed }
}
