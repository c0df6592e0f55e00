import type { LimitFunction } from "p-limit"
import type { Plan } from "../plan/plan.ts"
import { current, fingerprintTag } from "../release/publish.ts"
import type { Registry } from "../release/registry.ts"

/**
 * The images of a plan that a release of this commit has to build or bring back, by the registry alone: a machine that
 * has just been made has no records. What is released now and has this very fingerprint needs nothing.
 */
export async function neededOf(
  registry: Pick<Registry, "digestOf">,
  { families }: Plan,
  side: LimitFunction,
): Promise<string[]> {
  const needed = families.map(({ family, fingerprint }) =>
    side(async () => {
      const [made, released] = await Promise.all([
        registry.digestOf(family, fingerprintTag(fingerprint)),
        registry.digestOf(family, current),
      ])
      return made === undefined || made !== released ? [family] : []
    }),
  )
  return (await Promise.all(needed)).flat()
}
