import { imageNameOf } from "../fleet/apps.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { appImages, buildOrder, familyNamed, lineage } from "../fleet/hierarchy.ts"
import { appNamed, serviceNamed } from "../fleet/named.ts"
import type { Repository } from "../fleet/repository.ts"
import { wrongInput } from "../problem.ts"
import type { ImageRecord } from "../release/record.ts"
import type { RecordStore } from "../release/store.ts"
import { type BaseDigests, fingerprint, ingredientsOf } from "./fingerprint.ts"
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
  /** Names or aliases of families; names of app images. */
  families?: readonly string[]
  /** Apps, for their images on every family. */
  apps?: readonly string[]
  /** Services, for the images that they run. */
  services?: readonly string[]
  /** "families": every family with a Dockerfile; true: every app image on one of them, too. */
  all?: boolean | "families"
}

/** What git says of some paths of the checkout. */
export type CommitOf = (root: string, paths: readonly string[]) => Promise<Commit>

/** Reads what the families that are asked for are made of, and what git says of it. */
export async function readAsked({ root, fleet }: Repository, what: Asked, commitOf: CommitOf): Promise<Reading> {
  const asked = [...new Set(askedImages(fleet, what))]
  if (asked.length === 0) {
    throw wrongInput("no family is named", {
      where: "--family",
      fix: `pass --family ${buildableFamilies(fleet).at(-1) ?? "NAME"} (repeatable), --service, --app, or --all`,
    })
  }
  const order = buildOrder(fleet, asked).map(({ name }) => name)
  const inputs = await readInputs(root, fleet, order)
  const commit = await commitOf(root, [...new Set(order.flatMap((family) => pathsOf(fleet, inputs, family)))])
  return { asked, inputs, commit }
}

function askedImages(fleet: Fleet, { families = [], apps = [], services = [], all }: Asked): string[] {
  if (all)
    return [...buildableFamilies(fleet), ...(all === true ? appImages(fleet).filter(buildable(fleet)).map(nameOf) : [])]
  return [
    ...families.map((each) => familyNamed(fleet, each).name),
    ...apps.flatMap((each) => imagesOf(fleet, each)),
    ...services.map((each) => imageNameOf(fleet, serviceNamed(fleet, each))),
  ]
}

const buildableFamilies = (fleet: Fleet): string[] =>
  Object.keys(fleet.families).filter((name) => fleet.families[name]!.dockerfile)

/** An app's images on the families that can be built; on the others, its services run nothing yet. */
function imagesOf(fleet: Fleet, app: string): string[] {
  const { name, path } = appNamed(fleet, app)
  const where = `fleet.yaml: apps.${name}`
  if (path === undefined) {
    const fix = "ship its services' families: --service NAME does"
    throw wrongInput("has no path, so it has no image of its own", { where, fix })
  }
  const images = appImages(fleet).filter((image) => image.app === name)
  if (images.length === 0) throw wrongInput("is run by no service, so it has no image", { where })
  const found = images.filter(buildable(fleet))
  if (found.length > 0) return found.map(nameOf)
  const parents = images.map(({ parent }) => parent).join(", ")
  throw wrongInput(`runs on ${parents} only, which cannot be built yet`, {
    where,
    fix: "write the family's Dockerfile",
  })
}

const buildable =
  (fleet: Fleet) =>
  ({ name }: { name: string }): boolean =>
    lineage(fleet, name).every(({ dockerfile }) => dockerfile !== undefined)

const nameOf = ({ name }: { name: string }): string => name

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
  const { asked: families, inputs, commit } = reading
  const order = buildOrder(fleet, families).map(({ name }) => name)
  const made = ingredientsOf(fleet, inputs, bases, order, machine)
  const known = order.map(async (family) => {
    const ingredients = made[family]
    // What differs from the last build may be what an earlier one made: going back builds nothing.
    const same = ingredients && (await records.byFingerprint(family, fingerprint(ingredients)))
    return [family, knownOf(same ?? (await records.latest(family)))] as const
  })
  return planOf(fleet, {
    ...{ families, inputs, bases, commit, machine, noCache, ingredients: made },
    now: now ?? new Date(),
    known: Object.fromEntries(await Promise.all(known)),
  })
}

const knownOf = (record: ImageRecord | undefined): Known | undefined =>
  record && { ...record, compressed: record.size.compressed }
