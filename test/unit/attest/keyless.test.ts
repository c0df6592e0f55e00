import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { opened } from "../../../dagger/lib/attest/envelope.ts"
import type { TrustedIdentity } from "../../../dagger/lib/attest/identity.ts"
import { keylessSigner } from "../../../dagger/lib/attest/keyless.ts"
import { signed } from "../../../dagger/lib/attest/sign.ts"
import { recordStatement, statementText } from "../../../dagger/lib/attest/statement.ts"
import { trustOf } from "../../../dagger/lib/attest/trust.ts"
import type { Engine } from "../../../dagger/lib/engine/engine.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
import { bundleBy, newPair } from "./keys.ts"
import { issuer, type OwnSigstore, startSigstore, subject, tokenOf, trusting } from "./sigstore.ts"

const digest = `sha256:${"a".repeat(64)}`
const statement = recordStatement(tinyRecord("web", digest))
const other = statementText({ family: "web", digest: `sha256:${"b".repeat(64)}` }, "urn:other", {})

// Nothing is run: no key, so no cosign.
const noEngine = {} as Engine

let sigstore: OwnSigstore
let bundle: string
beforeAll(async () => {
  sigstore = await startSigstore()
  bundle = await signedAt(sigstore)
})
afterAll(() => sigstore.close())

const signedAt = ({ root }: Pick<OwnSigstore, "root">, claims = {}, ...identities: TrustedIdentity[]) =>
  signed(
    noEngine,
    keylessSigner(trusting(root, ...identities), async () => tokenOf(claims)),
    statement,
  )

const openedAt = (root: string, text: string, ...identities: TrustedIdentity[]) =>
  opened(text, trustOf(trusting(root, ...identities), undefined))

/** The folder of its files with another one in it. */
const beside = async (file: string, text: string | undefined) => {
  const root = await mkdtemp(join(tmpdir(), "sigstore-"))
  await cp(sigstore.root, root, { recursive: true })
  if (text !== undefined) await writeFile(join(root, file), text)
  return root
}

/** The bundle with something else in it. */
const changed = (change: (bundle: Bundle) => void): string => {
  const copy = JSON.parse(bundle)
  change(copy)
  return JSON.stringify(copy)
}

// biome-ignore lint/suspicious/noExplicitAny: whatever somebody may have pushed
type Bundle = any

const base64 = (text: string) => Buffer.from(text).toString("base64")

describe("a statement that a job signs as itself", () => {
  it("opens as what was signed, by the identity in the certificate", async () => {
    expect(await openedAt(sigstore.root, bundle)).toMatchObject({ text: statement, identity: { issuer, subject } })
    expect((await openedAt(sigstore.root, bundle)).key).toBeUndefined()
  })

  it("is certified and logged, and its token goes to the certificate authority alone", async () => {
    const token = tokenOf()
    sigstore.asked.length = 0
    const made = await signed(
      noEngine,
      keylessSigner(trusting(sigstore.root), async () => token),
      statement,
    )
    expect(sigstore.asked.map(({ path }) => path)).toEqual(["/api/v2/signingCert", "/api/v1/log/entries"])
    expect(sigstore.asked[1]?.body).not.toContain(token)
    expect(made).not.toContain(token)
  })

  it("opens by a pattern, and where keys count as well", async () => {
    const subjectPattern = subject.replace("heads/main", "heads/*")
    expect(await openedAt(sigstore.root, bundle, { issuer, subjectPattern })).toMatchObject({ identity: { subject } })
    const trust = trustOf(trusting(sigstore.root), undefined)
    const pair = newPair()
    const both = { ...trust, keys: [pair.publicKey] }
    expect(await opened(bundle, both)).toMatchObject({ identity: { subject } })
    expect(await opened(bundleBy(pair, statement), both)).toMatchObject({ key: { id: pair.publicKey.id } })
  })

  it("opens with a timestamp in place of a log entry, where the root of trust keeps no log", async () => {
    const timed = await startSigstore({ log: false })
    try {
      const text = await signedAt(timed)
      expect(timed.asked.map(({ path }) => path)).toEqual(["/api/v2/signingCert", "/api/v1/timestamp"])
      expect(await openedAt(timed.root, text)).toMatchObject({ text: statement, identity: { subject } })
    } finally {
      timed.close()
    }
  })
})

describe("a statement that a job signed does not open", () => {
  it.each<[string, TrustedIdentity, string]>([
    ["for another workflow", { issuer, subject: subject.replace("ship", "other") }, "another identity"],
    ["for another branch", { issuer, subject: subject.replace("main", "main2") }, "another identity"],
    ["for the beginning of its name", { issuer, subject: subject.slice(0, -1) }, "another identity"],
    ["for another issuer", { issuer: "https://gitlab.com", subject }, issuer],
    ["by a pattern of others", { issuer, subjectPattern: subject.replace("heads/main", "tags/*") }, "another identity"],
  ])("%s", async (_, identity, why) => {
    await expect(openedAt(sigstore.root, bundle, identity)).rejects.toThrow(why)
    await expect(openedAt(sigstore.root, bundle, identity)).rejects.toMatchObject({ name: "Untrusted" })
  })

  it("where only keys count, and then nobody is asked for a root of trust", async () => {
    await expect(opened(bundle, { keys: [newPair().publicKey] })).rejects.toThrow("only keys are trusted")
  })

  it.each<[string, (bundle: Bundle) => void, string]>([
    ["with another statement", ({ dsseEnvelope }) => (dsseEnvelope.payload = base64(other)), "log that counts"],
    ["as another type", ({ dsseEnvelope }) => (dsseEnvelope.payloadType = "text/plain"), "no statement"],
    ["without its signature", ({ dsseEnvelope }) => (dsseEnvelope.signatures = []), "no statement"],
    [
      "with another signature",
      ({ dsseEnvelope }) => (dsseEnvelope.signatures[0].sig = base64("other")),
      "log that counts",
    ],
    [
      "without its log entry",
      ({ verificationMaterial }) => (verificationMaterial.tlogEntries = []),
      "nothing that counts proves when it was signed (expected 1 timestamps, got 0)",
    ],
    [
      "with another time in its log entry",
      ({ verificationMaterial }) => (verificationMaterial.tlogEntries[0].integratedTime = "1700000000"),
      "its certificate does not lead to the root of trust, or was not valid when it was signed",
    ],
    [
      "with a time that the log did not write",
      ({ verificationMaterial: { tlogEntries } }) =>
        (tlogEntries[0].integratedTime = String(Number(tlogEntries[0].integratedTime) + 1)),
      "no transparency log that counts has this very signature (inclusion promise could not be verified)",
    ],
    [
      "with a damaged certificate",
      ({ verificationMaterial }) => (verificationMaterial.certificate.rawBytes = base64("none")),
      "damaged",
    ],
    [
      "with something else beside the statement",
      (all) => (all.messageSignature = { messageDigest: { algorithm: "SHA2_256", digest: "aaaa" }, signature: "aaaa" }),
      "log that counts",
    ],
  ])("%s", async (_, change, why) => {
    await expect(openedAt(sigstore.root, changed(change))).rejects.toMatchObject({
      name: "Untrusted",
      message: expect.stringContaining(why),
    })
  })

  it("with the certificate of another signature of the same job", async () => {
    const { verificationMaterial } = JSON.parse(await signedAt(sigstore))
    const mixed = changed((all) => (all.verificationMaterial.certificate = verificationMaterial.certificate))
    await expect(openedAt(sigstore.root, mixed)).rejects.toMatchObject({ name: "Untrusted" })
  })

  it("says anything else, whichever byte is turned", async () => {
    const bytes = Buffer.from(bundle)
    for (let at = 0; at < bytes.length; at += 97) {
      const turned = Buffer.from(bytes)
      turned[at]! ^= 1
      const said = await openedAt(sigstore.root, turned.toString("utf8")).then(
        ({ text, identity }) => [text === statement, identity?.subject],
        (error) => [error.name, undefined],
      )
      // What nothing rests on, such as where the log keeps it, may be turned.
      expect(
        [
          [true, subject],
          ["Untrusted", undefined],
        ],
        `byte ${at}`,
      ).toContainEqual(said)
    }
  })

  it("by the root of trust of another Sigstore", async () => {
    const another = await startSigstore()
    another.close()
    await expect(openedAt(another.root, bundle)).rejects.toThrow("root of trust")
  })

  it("when its certificate had expired before it was signed: it gets no further than the job", async () => {
    const late = await startSigstore({ certifiesAt: new Date(Date.now() - 3_600_000) })
    try {
      await expect(signedAt(late)).rejects.toThrow("not valid when it was signed")
    } finally {
      late.close()
    }
  })
})

describe("a job that signs as somebody whom the fleet does not trust", () => {
  it("is told who it is, and gets no bundle", async () => {
    const stranger = subject.replace("me/fleet", "you/fork")
    await expect(signedAt(sigstore, { sub: stranger })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(`does not count: it was signed by another identity, ${stranger}.*\n {2}fix: `),
    })
  })
})

describe("Sigstore's files", () => {
  it.each([
    ["trusted_root.json", "{}", "names no certificate authority"],
    ["trusted_root.json", '{"certificateAuthorities":[{}]}', "is no root of trust"],
    ["trusted_root.json", "no JSON", "is not JSON"],
  ])("are told by their names where they are none: %s %s", async (file, text, why) => {
    const wrong = openedAt(await beside(file, text), bundle)
    await expect(wrong).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(why) })
    await expect(wrong).rejects.toThrow(/^trusted_root\.json: [\s\S]*\n {2}fix: /)
  })

  it("that are missing are told with the line of fleet.yaml that names them", async () => {
    const wrong = openedAt(join(sigstore.root, "elsewhere"), bundle)
    await expect(wrong).rejects.toThrow("policy.signing.sigstore.trustedRoot in fleet.yaml names it")
  })

  it("send no token over a network that others can read", async () => {
    const text = await readFile(join(sigstore.root, "signing_config.json"), "utf8")
    const root = await beside("signing_config.json", text.replaceAll("127.0.0.1", "fulcio.example"))
    await expect(signedAt({ root })).rejects.toThrow(/http:\/\/fulcio\.example:\d+ is no https URL/)
  })
})

describe("a Sigstore that certifies nobody", () => {
  it("is told with its answer, without the token", async () => {
    const config = await readFile(join(sigstore.root, "signing_config.json"), "utf8")
    const root = await beside("signing_config.json", config.replaceAll(/127\.0\.0\.1:\d+/g, "$&/nowhere"))
    const token = tokenOf()
    const failed = await signed(
      noEngine,
      keylessSigner(trusting(root), async () => token),
      statement,
    ).catch((e) => e)
    expect(failed.message).toMatch(/^http:.*\/nowhere: a record could not be signed without a key: .*404.*\n {2}fix: /)
    expect([failed.exitCode, failed.message.includes(token)]).toEqual([3, false])
  })
})
