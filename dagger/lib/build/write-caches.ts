import { harmless } from "../engine/engine.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan } from "../plan/plan.ts"
import { Problem } from "../problem.ts"
import type { Yard } from "../yard.ts"
import { bake } from "./bake.ts"
import { type Built, linkedTargets } from "./build.ts"
import { onParent, parentInputs } from "./parent.ts"
import { readingCaches, usesRegistryCache, writingCaches } from "./registry-cache.ts"

/**
 * Writes the caches of images that were just built to the registry, for builders that have none. Never needed: what went
 * wrong is answered as one line, and throws nothing.
 */
export async function writeCaches(
  yard: Yard,
  { plan, inputs }: { plan: Plan; inputs: AllInputs },
  images: readonly Built[],
): Promise<string | undefined> {
  const { fleet, registry } = yard
  if (images.length === 0 || !usesRegistryCache(fleet, registry)) return undefined
  const file = linkedTargets(yard, { plan, inputs, families: images.map(({ family }) => family) })
  try {
    // One after another: images have builders in common, whose caches are written with each.
    for (const { family, parent } of images) {
      const own = readingCaches(onParent(file, family, { parent, fleet, registry }), fleet, registry)
      const writing = writingCaches(own, family, { fleet, registry })
      const name = `write the cache of ${family}`
      await bake(yard, { name, file: writing, family, inputs: parentInputs(parent), anew: true })
    }
    return undefined
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const said = harmless(error.details.why ?? error.what)
      .trim()
      .split("\n")
      .at(-1)
      ?.trim()
    return `the registry cache was not written, so builders without a cache build more: ${said}`
  }
}
