import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto"
import { bundleText, signedText } from "../../../dagger/lib/attest/envelope.ts"
import { type PublicKey, publicKey } from "../../../dagger/lib/attest/key.ts"

/** A key pair as cosign makes them, without cosign: what these tests are about begins with a signature. */
export interface Pair {
  privateKey: KeyObject
  publicKey: PublicKey
}

export function newPair(namedCurve = "P-256"): Pair {
  const pair = generateKeyPairSync("ec", { namedCurve })
  const known = publicKey(pair.publicKey.export({ type: "spki", format: "pem" }).toString())
  return { privateKey: pair.privateKey, publicKey: known! }
}

export const bundleBy = ({ privateKey, publicKey: known }: Pair, statement: string): string =>
  bundleText(statement, createSign("sha256").update(signedText(statement)).sign(privateKey, "base64"), known)
