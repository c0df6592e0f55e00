import { createHash, generateKeyPairSync } from "node:crypto"
import { mkdtemp, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from "@sigstore/mock"
import type { TrustedIdentity } from "../../../dagger/lib/attest/identity.ts"
import { keylessSigner } from "../../../dagger/lib/attest/keyless.ts"
import { signed } from "../../../dagger/lib/attest/sign.ts"
import type { Engine } from "../../../dagger/lib/engine/engine.ts"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { smallFleet } from "../../fleets/small.ts"

export const issuer = "https://token.actions.githubusercontent.com"
export const subject = "https://github.com/me/fleet/.github/workflows/fairlead-ship.yml@refs/heads/main"

/** What differs between Sigstores. */
interface Kind {
  /** It keeps a log. */
  log?: boolean
  /** A timestamp authority. */
  times?: boolean
  /** When it believes to issue certificates. */
  certifiesAt?: Date
}

/** A Sigstore of its own on loopback, spoken to over HTTP: a certificate authority, logs and clocks with keys that nobody else has. */
export interface OwnSigstore {
  /** The folder in which its trusted_root.json and signing_config.json are. */
  root: string
  /** What was sent to it: path and body. */
  asked: { path: string; body: string }[]
  close: () => void
}

export async function startSigstore({ log = true, times = !log, certifiesAt }: Kind = {}): Promise<OwnSigstore> {
  const asked: OwnSigstore["asked"] = []
  const handlers: Handler[] = []
  const server = createServer(async (request, response) => {
    const path = request.url ?? ""
    const body = await textOf(request)
    asked.push({ path, body })
    const answer = await handlers.find((each) => each.path === path)?.fn(body)
    response.writeHead(answer?.statusCode ?? 404, { "content-type": answer?.contentType ?? "text/plain" })
    response.end(answer?.response)
  })
  await new Promise<void>((up) => server.listen(0, "127.0.0.1", up))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const certificates = await initializeCTLog(keys())
  const authority = await initializeCA(keys("P-384"), certificates, certifiesAt)
  const entries = await initializeTLog(url, keys())
  // A whole second: DER leaves out a fraction's zeros at its end, and @sigstore/core reads three digits or none.
  const now = new Date(Math.ceil(Date.now() / 1000) * 1000)
  const clock = await initializeTSA(keys("P-384"), now)
  handlers.push(fulcioHandler(authority), asRekorKeepsIt(rekorHandler(entries)), tsaHandler(clock))

  const root = await mkdtemp(join(tmpdir(), "sigstore-"))
  const validFor = { start: "2000-01-01T00:00:00Z" }
  const services = [{ url, majorApiVersion: 1, validFor, operator: "tests" }]
  const logged = (publicKey: Buffer, logId: Uint8Array) => ({
    baseUrl: url,
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: base64(publicKey), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
    logId: { keyId: base64(logId) },
  })
  const chain = (...all: Uint8Array[]) => [
    { certChain: { certificates: all.map((each) => ({ rawBytes: base64(each) })) }, validFor },
  ]
  const idOf = (publicKey: Buffer) => createHash("sha256").update(publicKey).digest()
  await writeFile(
    join(root, "trusted_root.json"),
    JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      certificateAuthorities: chain(bytes(authority.rootCertificate)),
      ctlogs: [logged(certificates.publicKey, idOf(certificates.publicKey))],
      tlogs: log ? [logged(entries.publicKey, idOf(entries.publicKey))] : [],
      timestampAuthorities: times ? chain(bytes(clock.intCertificate), bytes(clock.rootCertificate)) : [],
    }),
  )
  await writeFile(
    join(root, "signing_config.json"),
    JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: services,
      ...(log ? { rekorTlogUrls: services, rekorTlogConfig: { selector: "ANY" } } : {}),
      ...(times ? { tsaUrls: services, tsaConfig: { selector: "ANY" } } : {}),
    }),
  )
  return { root, asked, close: () => server.close() }
}

interface Handler {
  path: string
  fn: (body: string) => Promise<{ statusCode: number; response: string | ArrayBufferView; contentType?: string }>
}

/** @sigstore/mock logs what it was sent; Rekor logs the envelope's digests and signatures, which is what is verified. */
const asRekorKeepsIt = ({ path, fn }: Handler): Handler => ({
  path,
  fn: async (body) => {
    const { apiVersion, kind, spec } = JSON.parse(body)
    const { payload, signatures } = JSON.parse(spec.proposedContent.envelope)
    const hashOf = (data: string | Buffer) => ({
      algorithm: "sha256",
      value: createHash("sha256").update(data).digest("hex"),
    })
    const kept = {
      envelopeHash: hashOf(spec.proposedContent.envelope),
      payloadHash: hashOf(Buffer.from(payload, "base64")),
      signatures: [{ signature: signatures[0].sig, verifier: spec.proposedContent.verifiers[0] }],
    }
    return fn(JSON.stringify({ apiVersion, kind, spec: kept }))
  },
})

const keys = (namedCurve = "P-256") => generateKeyPairSync("ec", { namedCurve })
const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
const base64 = (data: Uint8Array) => Buffer.from(data).toString("base64")

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString("utf8")
}

/** A fleet at `root` that trusts identities, by default the one that tokens are of. */
export function trusting(root: string, ...identities: TrustedIdentity[]): { fleet: Fleet; root: string } {
  const fleet = smallFleet()
  const named = identities.length > 0 ? identities : [{ issuer, subject }]
  const sigstore = { trustedRoot: "trusted_root.json", signingConfig: "signing_config.json" }
  return { fleet: { ...fleet, policy: { ...fleet.policy, signing: { identities: named, sigstore } } }, root }
}

/** A token as CIs make them; the authority of these tests believes what it says. */
export function tokenOf(claims: Record<string, unknown> = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const inAMinute = Math.floor(Date.now() / 1000) + 60
  const all = { iss: issuer, sub: subject, aud: "sigstore", exp: inAMinute, ...claims }
  return `${part({ alg: "RS256" })}.${part(all)}.${part("signature")}`
}

/** A statement as a CI's job signs it without a key, for a fleet at `root`. */
export const bundleOfJob = (root: string, statement: string): Promise<string> =>
  signed(
    {} as Engine,
    keylessSigner(trusting(root), async () => tokenOf()),
    statement,
  )
