import { verify } from "node:crypto"
import { z } from "zod"
import type { PublicKey } from "./key.ts"
import { type Statement, statementSchema } from "./statement.ts"

/** Media type and artifact type of a signed statement in a registry: a Sigstore bundle, which stock cosign reads. */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

const payloadType = "application/vnd.in-toto+json"

const bundleSchema = z.object({
  mediaType: z.literal(bundleType),
  // Keyless signatures have a certificate and a log entry here instead: they are issue 8's, and refused until then.
  verificationMaterial: z.object({ publicKey: z.object({ hint: z.string() }) }),
  dsseEnvelope: z.object({
    payload: z.string(),
    payloadType: z.literal(payloadType),
    signatures: z.array(z.object({ sig: z.string() })).length(1),
  }),
})

/** Why a bundle does not count. */
export class Untrusted extends Error {
  override readonly name = "Untrusted"
}

/** What is signed of a statement: DSSE's pre-authentication encoding, so that a type cannot be swapped below a signature. */
export const signedText = (statement: string): string =>
  `DSSEv1 ${payloadType.length} ${payloadType} ${Buffer.byteLength(statement)} ${statement}`

/** A statement with its signature (base64), as it is kept and pushed. */
export const bundleText = (statement: string, signature: string, { id }: PublicKey): string =>
  JSON.stringify({
    mediaType: bundleType,
    verificationMaterial: { publicKey: { hint: id } },
    dsseEnvelope: {
      payload: Buffer.from(statement).toString("base64"),
      payloadType,
      signatures: [{ sig: signature }],
    },
  } satisfies z.infer<typeof bundleSchema>)

/** What a bundle says, and which of these keys signed it. Throws Untrusted for anything that none of them did. */
export function opened(
  bundle: string,
  keys: readonly PublicKey[],
): { statement: Statement; text: string; key: PublicKey } {
  const read = bundleSchema.safeParse(json(bundle))
  if (!read.success) throw new Untrusted("it is no statement that was signed with a key")
  const { hint } = read.data.verificationMaterial.publicKey
  const { payload, signatures } = read.data.dsseEnvelope
  const key = keys.find(({ id }) => id === hint)
  if (!key) throw new Untrusted(`it was signed with another key (${plain(hint)})`)
  const text = base64(payload)?.toString("utf8")
  const signature = base64(signatures[0]!.sig)
  if (text === undefined || !signature) throw new Untrusted("its envelope is damaged")
  if (!verify("sha256", Buffer.from(signedText(text)), { key: key.key, dsaEncoding: "der" }, signature))
    throw new Untrusted("its signature is wrong")
  const statement = statementSchema.safeParse(json(text))
  if (!statement.success) throw new Untrusted("it is no in-toto statement about one image")
  return { statement: statement.data, text, key }
}

/** Decoded, if every character counts: Node alone would skip what is no base64. */
function base64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64")
  return bytes.toString("base64") === text ? bytes : undefined
}

const plain = (hint: string): string => (/^[A-Za-z0-9+/=]{1,64}$/.test(hint) ? hint.slice(0, 12) : "unnamed")

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
