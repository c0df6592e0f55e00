import { z } from "zod"
import type { Package } from "./contents.ts"
import type { ImageRecord } from "./record.ts"

const named = z.object({ name: z.string(), version: z.string() })
const sbomFacts = z.object({
  packages: z.array(named.extend({ kind: z.enum(["debian", "python", "other"]).catch("other") })).min(1),
})
const contractFacts = z.object({ inside: z.object({ debian: z.array(named), distributions: z.array(named) }) })

/** What a record says is installed: by the SBOM gate, or as the contract's probe saw it; undefined where neither tells. */
export function packagesOf({ gates }: Pick<ImageRecord, "gates">): Package[] | undefined {
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
