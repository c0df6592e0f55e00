import { harmless } from "../engine/engine.ts"
import { type Identity, identityName, isAmong, type TrustedIdentity } from "./identity.ts"
import { loadBundle, loadVerify } from "./packages.ts"
import type { Sigstore } from "./sigstore.ts"
import { Untrusted } from "./untrusted.ts"

/** Whose certificates count, and who issues them. */
export interface TrustedIdentities {
  identities: readonly TrustedIdentity[]
  sigstore: Sigstore
}

/** What was signed under a certificate, and by whom. */
export interface Certified {
  payload: Buffer
  payloadType: string
  identity: Identity
}

/**
 * What a bundle with a certificate says, once its chain, its log entry, its time and its signature were checked and an
 * identity that counts is in it. Throws Untrusted for everything else, a Problem where the root of trust could not be had.
 */
export async function certified(bundle: unknown, { identities, sigstore }: TrustedIdentities): Promise<Certified> {
  const verifier = await sigstore.verifier()
  const { bundleFromJSON } = await loadBundle()
  const { toSignedEntity } = await loadVerify()
  // Read once: what is answered is what was checked, however else the same JSON could be read.
  const { content, signer } = checked(() => {
    const parsed = bundleFromJSON(bundle)
    return { content: parsed.content, signer: verifier.verify(toSignedEntity(parsed)) }
  })
  if (content.$case !== "dsseEnvelope" || content.dsseEnvelope.signatures.length !== 1)
    throw new Untrusted("it is no statement that one identity signed")
  const { payload, payloadType } = content.dsseEnvelope
  const identity = { issuer: signer.identity?.extensions?.issuer, subject: signer.identity?.subjectAlternativeName }
  if (!isNamed(identity)) throw new Untrusted("its certificate does not say who signed")
  if (!isAmong(identities, identity))
    throw new Untrusted(`it was signed by another identity, ${oneLine(identityName(identity))}`)
  return { payload, payloadType, identity }
}

const isNamed = (identity: Partial<Identity>): identity is Identity => Boolean(identity.issuer && identity.subject)

const oneLine = (text: string): string => harmless(text).replace(/\s+/g, " ").slice(0, 500)

/** Whatever fails in there is the bundle's fault: whoever may push can write anything into it. */
function checked<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string }
    const why = Object.entries(sentences).find(([begin]) => code.startsWith(begin))?.[1]
    throw new Untrusted(why ? `${why} (${message})` : "its bundle is damaged")
  }
}

// By the codes of @sigstore/verify.
const sentences: Record<string, string> = {
  TIMESTAMP: "nothing that counts proves when it was signed",
  CERTIFICATE: "its certificate does not lead to the root of trust, or was not valid when it was signed",
  TLOG: "no transparency log that counts has this very signature",
  SIGNATURE: "its signature is wrong",
}
