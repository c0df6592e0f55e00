import { harmless } from "../engine/engine.ts"
import type { Repository } from "../fleet/repository.ts"
import { Problem } from "../problem.ts"
import { payloadType } from "./envelope.ts"
import type { TrustedIdentity } from "./identity.ts"
import { loadBundle, loadSign } from "./packages.ts"
import { type Sigstore, sigstoreOf, withCause } from "./sigstore.ts"
import { claimsOf, requireTrusted } from "./token.ts"
import { fleetIdentities } from "./trust.ts"

/** Signs as the job that a CI runs, by certificates of Sigstore that last for minutes. */
export interface KeylessSigner {
  /** A token of the CI's, fresh where it can be had: it lasts for minutes. */
  token: () => Promise<string>
  /** As one of whom it has to sign, or nobody would believe it. */
  identities: readonly TrustedIdentity[]
  sigstore: Sigstore
}

/** What signs in a job of a CI. Throws a Problem (exit code 2) for a fleet that trusts no identity. */
export function keylessSigner(on: Pick<Repository, "fleet" | "root">, token: () => Promise<string>): KeylessSigner {
  const identities = fleetIdentities(on.fleet)
  if (identities.length > 0) return { token, identities, sigstore: sigstoreOf(on) }
  throw new Problem("names none, so nobody would believe what is signed without a key", {
    where: "fleet.yaml: policy.signing.identities",
    fix: "name the CI's job there, as docs/records.md shows, or sign with a key",
    exitCode: 2,
  })
}

/** Whether the job's token is good for signing: asked before anything is built. */
export async function requireIdentity({ token, identities, sigstore }: KeylessSigner, now = new Date()): Promise<void> {
  const claims = claimsOf(await token(), now)
  if (sigstore.isPublic) requireTrusted(claims, identities)
}

// An SBOM of megabytes goes to the log as a whole.
const fetching = { timeout: 60_000, retry: { retries: 3 } }

/** A statement in a bundle, with a certificate that says who signed it and proof of when. */
export async function certifiedBundle({ token, sigstore }: KeylessSigner, statement: string): Promise<string> {
  const signingConfig = await sigstore.signingConfig()
  const { bundleBuilderFromSigningConfig } = await loadSign()
  const { bundleToJSON } = await loadBundle()
  const text = await token()
  claimsOf(text, new Date())
  const identityProvider = { getToken: async () => text }
  try {
    const builder = bundleBuilderFromSigningConfig({
      ...{ signingConfig, identityProvider, bundleType: "dsseEnvelope" },
      fetchOptions: fetching,
    })
    const bundle = await builder.create({ data: Buffer.from(statement), type: payloadType })
    return JSON.stringify(bundleToJSON(bundle))
  } catch (error) {
    throw new Problem("a record could not be signed without a key", {
      where: signingConfig.caUrls[0]!.url,
      // Sigstore's library tells a token that it could not read.
      why: harmless(withCause(error).replaceAll(text, "the token")),
      fix: "run it again; if it stays, see that this machine reaches Sigstore and that it knows the CI's issuer",
    })
  }
}
