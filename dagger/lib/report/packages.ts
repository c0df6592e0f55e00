import { type Delta, delta } from "../release/delta.ts"
import { packagesOf } from "../release/packages.ts"
import type { Release } from "./state.ts"

/** What is different between two releases of a family; sizes in bytes, negative where it shrank. */
export interface Change extends Delta {
  compressed: number
  uncompressed: number
}

/** What changed from one release to the next; undefined where either does not tell its packages. */
export function changeOf(before: Release, after: Release): Change | undefined {
  const [old, now] = [packagesOf(before), packagesOf(after)]
  if (!old || !now) return undefined
  return {
    ...delta(old, now),
    compressed: after.size.compressed - before.size.compressed,
    uncompressed: after.size.uncompressed - before.size.uncompressed,
  }
}

/** The newest release before this one that is another image. */
export const previousOf = (release: Release, before: readonly Release[]): Release | undefined =>
  before.find(({ digest }) => digest !== release.digest)
