import { verify } from "node:crypto"
import { z } from "zod"
import { certified } from "./certified.ts"
import { type Identity, identityName } from "./identity.ts"
import type { PublicKey } from "./key.ts"
import { type Statement, statementSchema } from "./statement.ts"
import type { Trusted } from "./trust.ts"
import { Untrusted } from "./untrusted.ts"

/** Media type and artifact type of a signed statement in a registry: a Sigstore bundle, which stock cosign reads. */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

/** What is in the envelopes. */
export const payloadType = "application/vnd.in-toto+json"

const keyedSchema = z.object({ publicKey: z.object({ hint: z.string() }) })
const certifiedSchema = z.object({ certificate: z.object({ rawBytes: z.string() }) })

const bundleSchema = z.object({
  mediaType: z.literal(bundleType),
  verificationMaterial: z.union([keyedSchema, certifiedSchema]),
  dsseEnvelope: z.object({
    payload: z.string(),
    payloadType: z.literal(payloadType),
    signatures: z.array(z.object({ sig: z.string() })).length(1),
  }),
})

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
  })

/** What a bundle says, and who signed it: a key or an identity. */
export interface Opened {
  statement: Statement
  /** The very bytes that were signed. */
  text: string
  key?: PublicKey
  identity?: Identity
}

/** How the one who signed is told: a key's id, or an identity. */
export const signatory = ({ key, identity }: Pick<Opened, "key" | "identity">): string =>
  key ? key.id : identityName(identity!)

/** What a bundle says, if somebody who is trusted signed it. Throws Untrusted for everything else. */
export async function opened(bundle: string, trusted: Trusted): Promise<Opened> {
  const parsed = json(bundle)
  const read = bundleSchema.safeParse(parsed)
  if (!read.success) throw new Untrusted("it is no statement that was signed")
  const { verificationMaterial, dsseEnvelope } = read.data
  const signed =
    "publicKey" in verificationMaterial
      ? byKey(dsseEnvelope, verificationMaterial.publicKey.hint, trusted.keys)
      : await byIdentity(parsed, trusted)
  const statement = statementSchema.safeParse(json(signed.text))
  if (!statement.success) throw new Untrusted("it is no in-toto statement about one image")
  return { statement: statement.data, ...signed }
}

type Envelope = z.infer<typeof bundleSchema>["dsseEnvelope"]

function byKey({ payload, signatures }: Envelope, hint: string, keys: readonly PublicKey[]) {
  const key = keys.find(({ id }) => id === hint)
  if (!key) throw new Untrusted(`it was signed with another key (${plain(hint)})`)
  const text = base64(payload)?.toString("utf8")
  const signature = base64(signatures[0]!.sig)
  if (text === undefined || !signature) throw new Untrusted("its envelope is damaged")
  if (!verify("sha256", Buffer.from(signedText(text)), { key: key.key, dsaEncoding: "der" }, signature))
    throw new Untrusted("its signature is wrong")
  return { text, key }
}

async function byIdentity(bundle: unknown, { identities, sigstore }: Trusted) {
  if (!identities?.length || !sigstore)
    throw new Untrusted("an identity signed it, and only keys are trusted: policy.signing.identities names none")
  const { payload, payloadType: type, identity } = await certified(bundle, { identities, sigstore })
  if (type !== payloadType) throw new Untrusted("it is no in-toto statement")
  return { text: payload.toString("utf8"), identity }
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
