import type { NamedFamily } from "../fleet/family.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { buildOrder, lineage, servicesOf } from "../fleet/hierarchy.ts"
import { wrongInput } from "../problem.ts"
import { type BaseDigests, fingerprint, type Ingredients, ingredientsOf } from "./fingerprint.ts"
import type { AllInputs } from "./inputs.ts"
import { type Commit, isDirty, revisionOf, tagOf } from "./tag.ts"
import { why } from "./why.ts"

/** What the last build of a family left behind: from a record, or from the registry. */
export interface Known {
  ingredients: Ingredients
  digest: string
  /** Bytes as stored in the registry. */
  compressed?: number
  seconds?: number
}

export interface PlannedFamily {
  family: string
  parent?: string
  /** The app whose code is in it; absent for a family. */
  app?: string
  /** The app is the stand-in: its services name no code of their own. */
  standIn?: true
  /** "reuse": the very same ingredients were built and passed before. */
  action: "build" | "reuse"
  /** Why it is built, the most telling first; for "reuse" where it comes from, if not from here. */
  reasons: string[]
  fingerprint: string
  ingredients: Ingredients
  /** The last commit that changed what it is made of. */
  revision: string
  /** The digest that is there already, for "reuse". */
  digest?: string
  /** host -> how many of its services run on this very family. */
  touches: Record<string, number>
  /** Expected from the last build, absent when there was none. */
  expected?: { seconds?: number; bytes?: number }
}

export interface Plan {
  tag: string
  commit: string
  dirty: boolean
  /** In build order; asked for one family, it stands last. */
  families: PlannedFamily[]
}

export interface PlanOptions {
  families: readonly string[]
  inputs: AllInputs
  bases: BaseDigests
  commit: Commit
  now: Date
  /** By family: what was built before. */
  known: Readonly<Record<string, Known | undefined>>
  machine?: string
  /** Build everything, whatever is known. */
  noCache?: boolean
  /** By name, where they are known already: what `inputs` make. */
  ingredients?: Readonly<Record<string, Ingredients>>
}

/** What would be built or reused, and why. Changes nothing and looks at nothing: a function of its arguments. */
export function planOf(fleet: Fleet, options: PlanOptions): Plan {
  const order = buildOrder(fleet, options.families)
  for (const { name, dockerfile } of order) {
    if (dockerfile) continue
    throw wrongInput("has no dockerfile, so it cannot be built yet", {
      where: `fleet.yaml: families.${name}`,
      fix: `write dockerfiles/${name}.Dockerfile and name it there`,
    })
  }
  const names = order.map(({ name }) => name)
  const made = options.ingredients ?? ingredientsOf(fleet, options.inputs, options.bases, names, options.machine)
  return {
    tag: tagOf(options.commit, options.now),
    commit: options.commit.sha ?? "none",
    dirty: isDirty(options.commit),
    families: order.map((image) => planned(fleet, options, image, made)),
  }
}

function planned(
  fleet: Fleet,
  options: PlanOptions,
  { name: family, parent, app }: NamedFamily,
  made: Readonly<Record<string, Ingredients>>,
): PlannedFamily {
  const ingredients = made[family]!
  const print = fingerprint(ingredients)
  const before = options.known[family]
  const same = !options.noCache && before !== undefined && fingerprint(before.ingredients) === print
  return {
    family,
    parent,
    ...(app ? { app, ...(fleet.apps[app]?.standIn ? { standIn: true as const } : {}) } : {}),
    action: same ? "reuse" : "build",
    reasons: same ? [] : options.noCache ? ["--no-cache"] : why(before?.ingredients, ingredients),
    fingerprint: print,
    ingredients,
    revision: revisionOf(options.commit, pathsOf(fleet, options.inputs, family)),
    ...(same ? { digest: before.digest } : {}),
    touches: touched(fleet, family),
    ...(before ? { expected: { seconds: before.seconds, bytes: before.compressed } } : {}),
  }
}

/** Every file that a family's image stands on: its own, its builders' and its parents'. */
export function pathsOf(fleet: Fleet, inputs: AllInputs, family: string): string[] {
  const line = lineage(fleet, family).map(({ name }) => name)
  const builders = line.flatMap((name) => inputs[name]?.needs.filter((need) => need in fleet.builders) ?? [])
  return [...new Set([...line, ...builders].flatMap((name) => Object.keys(inputs[name]?.files ?? {})))]
}

function touched(fleet: Fleet, family: string): Record<string, number> {
  const count: Record<string, number> = {}
  for (const { hosts } of servicesOf(fleet, family)) for (const host of hosts) count[host] = (count[host] ?? 0) + 1
  return count
}
