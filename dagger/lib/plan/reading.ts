import { buildOrder, familyNamed } from "../fleet/hierarchy.ts"
import type { Repository } from "../fleet/repository.ts"
import { wrongInput } from "../problem.ts"
import type { ImageRecord } from "../release/record.ts"
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
  const plan = (known: Record<string, Known | undefined>): Plan =>
    planOf(fleet, {
      families: reading.asked,
      inputs: reading.inputs,
      bases,
      commit: reading.commit,
      now: now ?? new Date(),
      known,
      machine,
      noCache,
    })
  const order = buildOrder(fleet, reading.asked)
  const latest = await Promise.all(order.map(async ({ name }) => [name, knownOf(await records.latest(name))] as const))
  const first = plan(Object.fromEntries(latest))
  // What differs from the last build may be what an earlier one made: going back builds nothing.
  const same = first.families.map(async ({ family, fingerprint }) => {
    const known = knownOf(await records.byFingerprint(family, fingerprint))
    return [family, known ?? Object.fromEntries(latest)[family]] as const
  })
  return plan(Object.fromEntries(await Promise.all(same)))
}

const knownOf = (record: ImageRecord | undefined): Known | undefined =>
  record && { ...record, compressed: record.size.compressed }
