import { createHash, createPublicKey, type KeyObject } from "node:crypto"
import { z } from "zod"
import { shown } from "../fleet/shown.ts"
import { Problem } from "../problem.ts"

/** The public half of a signing key. */
export interface PublicKey {
  key: KeyObject
  /** DER in base64 on one line: what stands between the lines of a PEM file, and how fleet.yaml keeps it. */
  line: string
  /** SHA-256 of the DER in base64: what Sigstore bundles call a key by. */
  id: string
}

/**
 * A public key as PEM or as its one line; undefined for anything else. Only ECDSA on P-256, which is what cosign makes:
 * its signatures are then over SHA-256, and nobody has to choose.
 */
export function publicKey(text: string): PublicKey | undefined {
  const line = text.replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, "").replace(/\s+/g, "")
  if (line.length > 400 || !/^[A-Za-z0-9+/]+={0,2}$/.test(line)) return undefined
  try {
    const der = Buffer.from(line, "base64")
    const key = createPublicKey({ key: der, format: "der", type: "spki" })
    if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") return undefined
    // Written anew, so that one key has one line and one id however it was spelled.
    const own = key.export({ type: "spki", format: "der" })
    return { key, line: own.toString("base64"), id: createHash("sha256").update(own).digest("base64") }
  } catch {
    return undefined
  }
}

/** The same for a key that has to be one. */
export function requirePublicKey(text: string, where: string): PublicKey {
  const key = publicKey(text)
  if (key) return key
  throw new Problem("is no public key that cosign made (ECDSA, P-256)", {
    where,
    fix: "make a pair with `cosign generate-key-pair`",
  })
}

/** The PEM file that cosign takes with --key. */
export const pem = ({ line }: PublicKey): string =>
  `-----BEGIN PUBLIC KEY-----\n${line.replace(/(.{64})(?=.)/g, "$1\n")}\n-----END PUBLIC KEY-----\n`

/** An id as people see it. */
export const shortId = (id: string): string => id.slice(0, 12)

/** A public key in fleet.yaml. */
export const publicKeySchema = z.string().refine((text) => publicKey(text) !== undefined, {
  error: ({ input }) => `${shown(input)} is not a public key that cosign made: PEM, or what stands between its lines`,
})
