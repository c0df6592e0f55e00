import { createHash } from "node:crypto"
import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed, inheritedArgs } from "../fleet/hierarchy.ts"
import { ownLabels } from "./bake.ts"
import type { AllInputs } from "./inputs.ts"
import { builderVersion } from "./tools.ts"

/**
 * All that decides an image's bytes, in a form that can be compared later and told to people. Not the commit, not the
 * clock, not the machine.
 */
export interface Ingredients {
  files: Readonly<Record<string, string>>
  pins: Readonly<Record<string, string>>
  args: Readonly<Record<string, string>>
  /** name of base, builder or parent -> digest or fingerprint. */
  standsOn: Readonly<Record<string, string>>
  epoch: number
  machine: string
  /** What the image says of itself, as fleet.yaml has it; absent in records of before it was kept. */
  labels?: Readonly<Record<string, string>>
  /** The versions of what builds: BuildKit, syft, the sealing step and so on. */
  builder: string
}

/** Digests of the bases by name, "sha256:…". */
export type BaseDigests = Readonly<Record<string, string>>

/** The ingredients of every family and builder of `inputs`, by name; `order` has parents before children. */
export function ingredientsOf(
  fleet: Fleet,
  inputs: AllInputs,
  bases: BaseDigests,
  order: readonly string[],
  machine = "",
): Record<string, Ingredients> {
  const made: Record<string, Ingredients> = {}
  const prints: Record<string, string> = {}
  const add = (name: string) => {
    const own = inputs[name]
    if (!own || made[name]) return
    const builder = fleet.builders[name]
    const family = imageNamed(fleet, name)
    const foot = (builder ?? family)?.base
    for (const need of own.needs) if (need in fleet.builders) add(need)
    made[name] = {
      files: own.files,
      pins: own.pins,
      args: family ? inheritedArgs(fleet, name) : {},
      standsOn: Object.fromEntries(
        [
          ...(foot ? [[foot, bases[foot] ?? "not readied"]] : []),
          ...own.needs.filter((need) => need in prints).map((need) => [need, prints[need]!]),
        ].sort(([a], [b]) => (a! < b! ? -1 : 1)),
      ),
      epoch: fleet.epoch,
      machine: family ? machine : "",
      ...(family ? { labels: ownLabels(fleet, name) } : {}),
      builder: builderVersion(),
    }
    prints[name] = fingerprint(made[name])
  }
  for (const name of order) add(name)
  return made
}

const known = new WeakMap<Ingredients, string>()

/** Sixteen hex digits over the ingredients; short enough for a tag, long enough for a fleet. */
export function fingerprint(ingredients: Ingredients): string {
  const before = known.get(ingredients)
  if (before) return before
  const made = createHash("sha256").update(JSON.stringify(ingredients, sorted)).digest("hex").slice(0, 16)
  known.set(ingredients, made)
  return made
}

const sorted = (_key: string, value: unknown): unknown =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
