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
 * Writes the caches of images that were just built to the registry, for builders that have none, while others are still
 * built and looked at. Never needed: what went wrong is answered as one line, and throws nothing.
 */
export class CacheWriter {
  /** One after another: images have builders in common, whose caches are written with each. */
  private queue: Promise<string | undefined> = Promise.resolve(undefined)

  constructor(
    private readonly yard: Yard,
    private readonly options: { plan: Plan; inputs: AllInputs },
  ) {}

  /** Begins as soon as those before it are written; after a failure none of the others is tried. */
  write(image: Built): void {
    if (!usesRegistryCache(this.yard.fleet, this.yard.registry)) return
    this.queue = this.queue.then((failed) => failed ?? this.writeOne(image))
    // Told by `ended`, at the end of a run.
    this.queue.catch(() => {})
  }

  /** Why some were not written; undefined once all are. */
  ended = (): Promise<string | undefined> => this.queue

  private async writeOne({ family, parent }: Built): Promise<string | undefined> {
    const { yard, options } = this
    const { fleet, registry } = yard
    const file = linkedTargets(yard, { ...options, families: [family] })
    const own = readingCaches(onParent(file, family, { parent, fleet, registry }), fleet, registry)
    const writing = writingCaches(own, family, { fleet, registry })
    try {
      const name = `write the cache of ${family}`
      await bake(yard, { name, file: writing, family, inputs: parentInputs(parent), anew: true })
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
}
