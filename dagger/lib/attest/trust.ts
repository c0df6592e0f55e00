import type { Fleet } from "../fleet/fleet.ts"
import type { Repository } from "../fleet/repository.ts"
import { Problem } from "../problem.ts"
import { isLoopback, type RegistryAddress } from "../release/registry.ts"
import type { TrustedIdentity } from "./identity.ts"
import { type PublicKey, publicKey, shortId } from "./key.ts"
import { type Sigstore, sigstoreOf } from "./sigstore.ts"

/** Whose signatures count: those of keys and, where there is a Sigstore to ask, of identities. */
export interface Trusted {
  keys: readonly PublicKey[]
  identities?: readonly TrustedIdentity[]
  sigstore?: Sigstore
}

/** The same, with where it is written. */
export interface Trust extends Trusted {
  from:
    | "policy.signing.keys in fleet.yaml"
    | "policy.signing.identities in fleet.yaml"
    | "policy.signing in fleet.yaml"
    | "this machine's own key"
}

/** The keys that fleet.yaml names; undefined where it does not say whose signatures count. */
export const fleetKeys = ({ policy }: Fleet): PublicKey[] | undefined =>
  policy.signing && (policy.signing.keys ?? []).flatMap((text) => publicKey(text) ?? [])

export const fleetIdentities = ({ policy }: Fleet): readonly TrustedIdentity[] => policy.signing?.identities ?? []

/** Who fleet.yaml names, else this machine's own key. Throws a Problem where there is neither: nobody could tell then. */
export function trustOf({ fleet, root }: Pick<Repository, "fleet" | "root">, own: PublicKey | undefined): Trust {
  const keys = fleetKeys(fleet)
  const identities = fleetIdentities(fleet)
  if (keys && identities.length > 0) {
    const from = keys.length > 0 ? "policy.signing in fleet.yaml" : "policy.signing.identities in fleet.yaml"
    return { keys, identities, sigstore: sigstoreOf({ fleet, root }), from }
  }
  if (keys) return { keys, from: "policy.signing.keys in fleet.yaml" }
  if (own) return { keys: [own], from: "this machine's own key" }
  throw new Problem("nobody is known whose signatures count", {
    where: "fleet.yaml: policy.signing",
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
        ? `it names ${named(trusted)}${fleetIdentities(fleet).length > 0 ? ", and identities, which sign in a CI with FAIRLEAD_SIGNING=keyless" : ""}`
        : `fleet.yaml names none, and ${address.host} is a registry that others pull from`,
      fix: own
        ? "`fairlead key trust` adds it, then commit fleet.yaml; or name a trusted key in FAIRLEAD_SIGNING_KEY"
        : "name a trusted key: FAIRLEAD_SIGNING_KEY=cosign.key, or --signing-key file://cosign.key in Dagger",
    },
  )
}

function named(keys: readonly PublicKey[]): string {
  if (keys.length === 0) return "no key"
  return `${keys.length === 1 ? "one key" : `${keys.length} keys`}: ${keys.map(({ id }) => shortId(id)).join(", ")}`
}
