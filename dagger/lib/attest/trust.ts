import type { Fleet } from "../fleet/fleet.ts"
import { Problem } from "../problem.ts"
import { isLoopback, type RegistryAddress } from "../release/registry.ts"
import { type PublicKey, publicKey, shortId } from "./key.ts"

/** Whose signatures count. */
export interface Trust {
  keys: readonly PublicKey[]
  /** Where that is written. */
  from: "policy.signing.keys in fleet.yaml" | "this machine's own key"
}

export const fleetKeys = ({ policy }: Fleet): PublicKey[] | undefined =>
  policy.signing?.keys.flatMap((text) => publicKey(text) ?? [])

/** fleet.yaml's keys, else this machine's own. Throws a Problem where there is neither: nobody could tell then. */
export function trustOf(fleet: Fleet, own: PublicKey | undefined): Trust {
  const keys = fleetKeys(fleet)
  if (keys) return { keys, from: "policy.signing.keys in fleet.yaml" }
  if (own) return { keys: [own], from: "this machine's own key" }
  throw new Problem("no key is known to check signatures with", {
    where: "fleet.yaml: policy.signing.keys",
    fix: "run `fairlead key trust` where images are shipped, and commit fleet.yaml",
  })
}

/**
 * Whether what is about to be published can be signed in a way that others can check: asked before anything is built.
 * A loopback registry takes what only this machine can check; the note says so.
 */
export function signingNote(fleet: Fleet, address: RegistryAddress, own: PublicKey | undefined): string | undefined {
  const trusted = fleetKeys(fleet)
  if (trusted && own && trusted.some(({ id }) => id === own.id)) return undefined
  if (!trusted && isLoopback(address))
    return own
      ? "records are signed with this machine's key; `fairlead key trust` writes its public half into fleet.yaml"
      : "records are not signed: no signing key was given"
  throw new Problem(
    own
      ? `the signing key ${shortId(own.id)} is not among the keys that the fleet trusts`
      : "there is no signing key, so nobody could check what is published",
    {
      where: "fleet.yaml: policy.signing.keys",
      why: trusted
        ? `it names ${trusted.length === 1 ? "one key" : `${trusted.length} keys`}: ${trusted.map(({ id }) => shortId(id)).join(", ")}`
        : `fleet.yaml names none, and ${address.host} is a registry that others pull from`,
      fix: own
        ? "`fairlead key trust` adds it, then commit fleet.yaml; or name a trusted key in FAIRLEAD_SIGNING_KEY"
        : "name a trusted key: FAIRLEAD_SIGNING_KEY=cosign.key, or --signing-key file://cosign.key in Dagger",
    },
  )
}
