import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import type { BaseDigests } from "../../dagger/lib/plan/fingerprint.ts"
import { baseLayout } from "./bases.ts"

/** Digests of the bases that stand ready; verbs that only think plan without the others. */
export async function knownBases(fleet: Fleet): Promise<BaseDigests> {
  const found = Object.entries(fleet.bases).map(async ([name, base]) => {
    const digest = await baseLayout(base, fleet.epoch).then(
      (ready) => ready.digest,
      () => undefined,
    )
    return digest === undefined ? [] : [[name, digest] as const]
  })
  return Object.fromEntries((await Promise.all(found)).flat())
}
