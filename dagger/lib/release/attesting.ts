import type { Attesting } from "../attest/attest.ts"
import { publicKeyOf } from "../attest/sign.ts"
import { type Trust, trustOf } from "../attest/trust.ts"
import { Problem } from "../problem.ts"
import type { Yard } from "../yard.ts"
import type { Registry } from "./registry.ts"

/** Whose signatures count here; undefined where nobody's is known. */
export function trustIn(yard: Pick<Yard, "fleet" | "root" | "signer">): Trust | undefined {
  try {
    return trustOf(yard, publicKeyOf(yard.signer))
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
}

/** What signing records takes; undefined for a run that signs nothing. */
export const attestingIn = (yard: Yard, registry: Registry): Attesting | undefined =>
  yard.signer && { registry, records: yard.records, signer: yard.signer, trusted: trustIn(yard) }
