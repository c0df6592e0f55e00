import type { Fleet } from "../fleet/fleet.ts"
import { lineage } from "../fleet/hierarchy.ts"

/**
 * The builds that it takes to make these families again, each named by the family that stands at the end of its line, with
 * those of the families that it is the first to make, parents first.
 */
export function linesOf(fleet: Fleet, families: readonly string[]): [family: string, made: string[]][] {
  const asked = new Set(families)
  const under = new Set(families.flatMap((each) => lineage(fleet, each).slice(0, -1)).map(({ name }) => name))
  const known = new Set<string>()
  return families
    .filter((each) => !under.has(each))
    .map((each) => {
      const made = lineage(fleet, each).flatMap(({ name }) => (asked.has(name) && !known.has(name) ? [name] : []))
      for (const name of made) known.add(name)
      return [each, made]
    })
}
