import { type Engine, type Secret, type Step, StepError, succeeded } from "../engine/engine.ts"
import { bundleText, opened, signedText } from "./envelope.ts"
import { type PublicKey, requirePublicKey } from "./key.ts"

/** What signs records. Keyless signing (issue 8) becomes another way to come from a statement to a bundle. */
export interface Signer {
  /** cosign's encrypted private key, mounted as a file. */
  key: Secret
  /** Its password, where it has one. */
  password?: Secret
  publicKey: PublicKey
}

const keyPath = "/run/secrets/signing.key"
const passwordPath = "/run/secrets/signing-password"

/** A statement in a bundle, signed by cosign and checked against the public half before anybody gets it. */
export async function signed(engine: Engine, signer: Signer, statement: string): Promise<string> {
  const step = cosign(engine, signer, "sign a record", [
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
  const bundle = bundleText(statement, ran.stdout.trim(), signer.publicKey)
  try {
    opened(bundle, [signer.publicKey])
  } catch (error) {
    throw new StepError(
      step.name,
      { why: `the signature does not fit the public key: ${(error as Error).message}` },
      "keep cosign.pub beside the cosign.key that it was made with",
    )
  }
  return bundle
}

/** The public half of a private key. */
export async function publicHalf(engine: Engine, from: Omit<Signer, "publicKey">, where: string): Promise<PublicKey> {
  const step = cosign(engine, from, "read the signing key", ["public-key", "--key", keyPath])
  return requirePublicKey(succeeded(step, await engine.run(step), wrongPassword).stdout, where)
}

const wrongPassword = "give the key's password in COSIGN_PASSWORD, or name another key in FAIRLEAD_SIGNING_KEY"

// cosign asks for the password of a key, also of one without: it comes by a file, so that no argv or variable holds it.
const withPassword = `exec cosign "$@" < ${passwordPath}`

const cosign = (engine: Engine, { key, password }: Omit<Signer, "publicKey">, name: string, argv: string[]): Step => ({
  name,
  image: "toolbox:sign",
  argv: ["sh", "-c", withPassword, "cosign", ...argv],
  secrets: { [keyPath]: key, ...(password ? { [passwordPath]: password } : {}) },
  inputs: password ? {} : { [passwordPath]: engine.file("no-password", "") },
})
