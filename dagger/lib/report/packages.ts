import { z } from "zod"
import type { Package } from "../release/contents.ts"
import { type Delta, delta } from "../release/delta.ts"
import type { Release } from "./state.ts"

const named = z.object({ name: z.string(), version: z.string() })
const sbomFacts = z.object({
  packages: z.array(named.extend({ kind: z.enum(["debian", "python", "other"]).catch("other") })).min(1),
})
const contractFacts = z.object({
  inside: z.object({ debian: z.array(named), distributions: z.array(named) }),
})

/** What is installed in a release as its record tells it; undefined where it does not. */
export function packagesOf({ gates }: Pick<Release, "gates">): Package[] | undefined {
  const sbom = sbomFacts.safeParse(gates.sbom?.facts)
  if (sbom.success) return sbom.data.packages
  // Records from before the sbom gate: what the contract's probe saw inside.
  const contract = contractFacts.safeParse(gates.contract?.facts)
  if (!contract.success) return undefined
  const { debian, distributions } = contract.data.inside
  return [
    ...debian.map(({ name, version }) => ({ kind: "debian" as const, name, version })),
    ...distributions.map(({ name, version }) => ({ kind: "python" as const, name, version })),
  ]
}

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
