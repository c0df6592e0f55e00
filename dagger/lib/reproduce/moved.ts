import { z } from "zod"
import type { Fleet } from "../fleet/fleet.ts"
import { buildOrder } from "../fleet/hierarchy.ts"
import { footOf } from "../plan/bake.ts"
import { type BaseDigests, fingerprint, ingredientsOf } from "../plan/fingerprint.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { ImageRecord } from "../release/record.ts"

/** A base that was made of other packages than the one of a release: the archive, or the registry, moved on. */
export interface MovedBase {
  name: string
  from: string
  to: string
}

// What the contract gate saw of the image's configuration; the build writes the base's digest there.
const baseLabel = "org.opencontainers.image.base.digest"
const factsSchema = z.object({ config: z.object({ labels: z.record(z.string(), z.string()) }) })

/** The base that moved, where nothing else of what a release was made of is other now; undefined where something is. */
export function movedBase(
  { fleet, inputs, bases, machine }: { fleet: Fleet; inputs: AllInputs; bases: BaseDigests; machine?: string },
  { family, fingerprint: released, gates }: ImageRecord,
): MovedBase | undefined {
  const from = factsSchema.safeParse(gates.contract?.facts).data?.config.labels[baseLabel]
  const name = footOf(fleet, family)
  const to = bases[name]
  if (from === undefined || to === undefined || from === to) return undefined
  const order = buildOrder(fleet, [family]).map((each) => each.name)
  const then = ingredientsOf(fleet, inputs, { ...bases, [name]: from }, order, machine)[family]
  return then && fingerprint(then) === released ? { name, from, to } : undefined
}
