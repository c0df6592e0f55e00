import { type Engine, type Secret, type Step, StepError, succeeded } from "../engine/engine.ts"
import { Problem } from "../problem.ts"
import { bundleText, opened, signedText } from "./envelope.ts"
import { trustedName } from "./identity.ts"
import { type PublicKey, requirePublicKey } from "./key.ts"
import { certifiedBundle, type KeylessSigner } from "./keyless.ts"
import type { Trusted } from "./trust.ts"
import { Untrusted } from "./untrusted.ts"

/** What signs records: a key, or the job of a CI without one. */
export type Signer = KeySigner | KeylessSigner

export interface KeySigner {
  /** cosign's encrypted private key, mounted as a file. */
  key: Secret
  /** Its password, where it has one. */
  password?: Secret
  publicKey: PublicKey
}

/** The public half of what signs; undefined for who signs without a key. */
export const publicKeyOf = (signer: Signer | undefined): PublicKey | undefined =>
  signer && "publicKey" in signer ? signer.publicKey : undefined

/** Whose signatures are as good as this signer's own. */
export const ownOf = (signer: Signer): Trusted =>
  "publicKey" in signer
    ? { keys: [signer.publicKey] }
    : { keys: [], identities: signer.identities, sigstore: signer.sigstore }

/** How a signer is told: by its key's id, or by whom it signs as, which is one of those that the fleet trusts. */
export const signerName = (signer: Signer): string =>
  "publicKey" in signer ? signer.publicKey.id : signer.identities.map(trustedName).join(" or ")

const keyPath = "/run/secrets/signing.key"
const passwordPath = "/run/secrets/signing-password"

/** A statement in a signed bundle, checked as everybody will check it before anybody gets it. */
export async function signed(engine: Engine, signer: Signer, statement: string): Promise<string> {
  const byKey = "publicKey" in signer
  const bundle = byKey ? await keyBundle(engine, signer, statement) : await certifiedBundle(signer, statement)
  try {
    await opened(bundle, ownOf(signer))
  } catch (error) {
    if (!(error instanceof Untrusted)) throw error
    if (byKey)
      throw new StepError(
        signing,
        { why: `the signature does not fit the public key: ${error.message}` },
        "keep cosign.pub beside the cosign.key that it was made with",
      )
    throw new Problem("what was just signed does not count", {
      where: "policy.signing.identities in fleet.yaml",
      why: error.message,
      fix: "name there whom this job signs as, or run it where those sign who are named",
    })
  }
  return bundle
}

const signing = "sign a record"

async function keyBundle(engine: Engine, signer: KeySigner, statement: string): Promise<string> {
  const step = cosign(engine, signer, signing, [
    ...["sign-blob", "--key", keyPath, "--tlog-upload=false", "--yes", "/in/statement"],
  ])
  const ran = succeeded(
    step,
    await engine.run({
      ...step,
      inputs: { ...step.inputs, "/in/statement": engine.file("statement", signedText(statement)) },
    }),
    wrongPassword,
  )
  return bundleText(statement, ran.stdout.trim(), signer.publicKey)
}

/** The public half of a private key. */
export async function publicHalf(
  engine: Engine,
  from: Omit<KeySigner, "publicKey">,
  where: string,
): Promise<PublicKey> {
  const step = cosign(engine, from, "read the signing key", ["public-key", "--key", keyPath])
  return requirePublicKey(succeeded(step, await engine.run(step), wrongPassword).stdout, where)
}

const wrongPassword = "give the key's password in COSIGN_PASSWORD, or name another key in FAIRLEAD_SIGNING_KEY"

// cosign asks for the password of a key, also of one without: it comes by a file, so that no argv or variable holds it.
const withPassword = `exec cosign "$@" < ${passwordPath}`

const cosign = (
  engine: Engine,
  { key, password }: Omit<KeySigner, "publicKey">,
  name: string,
  argv: string[],
): Step => ({
  name,
  image: "toolbox:sign",
  argv: ["sh", "-c", withPassword, "cosign", ...argv],
  secrets: { [keyPath]: key, ...(password ? { [passwordPath]: password } : {}) },
  inputs: password ? {} : { [passwordPath]: engine.file("no-password", "") },
})
