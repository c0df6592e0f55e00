import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { recordStatement } from "../../../dagger/lib/attest/statement.ts"
import { trustOf } from "../../../dagger/lib/attest/trust.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import { verifyRelease } from "../../../dagger/lib/release/verify.ts"
import { verifyText } from "../../../dagger/lib/report/verify.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
import { bundleOfJob, issuer, type OwnSigstore, startSigstore, subject, trusting } from "../attest/sigstore.ts"
import { digest, holding, pair } from "./holding.ts"

const now = new Date("2026-11-22T12:00:00Z")

const verified = (record: ImageRecord, on: { host?: string; realHost?: boolean } = {}) =>
  verifyRelease(
    {
      registry: holding(record, on.host ?? "127.0.0.1:5000"),
      trust: { keys: [pair.publicKey], from: "policy.signing.keys in fleet.yaml" },
      now,
      realHost: on.realHost,
    },
    { family: "web", digest },
  )

describe("a release that nobody could look through for advisories", () => {
  const record = tinyRecord("web", digest)
  const unchecked: ImageRecord = {
    ...record,
    gates: { ...record.gates, scan: { verdict: "UNCHECKED", seconds: 1, facts: {}, findings: [] } },
  }

  it("is good enough for the demo yard", async () => {
    expect(await verified(unchecked)).toMatchObject({ good: true, verdict: "UNCHECKED", problems: [] })
  })

  it("is refused for a real host, also from a registry on loopback", async () => {
    for (const host of ["127.0.0.1:5000", "ghcr.io"])
      expect(await verified(unchecked, { host, realHost: true })).toMatchObject({
        good: false,
        problems: ["scan is UNCHECKED, which is enough for the demo yard only, never for a real host"],
      })
  })

  it("is refused from any other registry", async () => {
    expect(await verified(unchecked, { host: "ghcr.io" })).toMatchObject({
      good: false,
      problems: ["scan is UNCHECKED, which is enough for a registry on loopback only"],
    })
  })

  it("is not what one is whose gates passed: that may go anywhere", async () => {
    expect(await verified(record, { host: "ghcr.io", realHost: true })).toMatchObject({ good: true, verdict: "PASS" })
  })
})

describe("a release that a CI's job signed without a key", () => {
  const record = tinyRecord("web", digest)
  let sigstore: OwnSigstore
  let bundle: string
  beforeAll(async () => {
    sigstore = await startSigstore()
    bundle = await bundleOfJob(sigstore.root, recordStatement(record))
  })
  afterAll(() => sigstore.close())

  const verifiedBy = (...identities: Parameters<typeof trusting> extends [string, ...infer Each] ? Each : never) =>
    verifyRelease(
      {
        registry: holding(record, "ghcr.io", bundle),
        trust: trustOf(trusting(sigstore.root, ...identities), undefined),
        now,
        realHost: true,
      },
      { family: "web", digest },
    )

  it("is good for a real host, and says who signed it and where that is trusted", async () => {
    const found = await verifiedBy()
    expect(found).toMatchObject({
      good: true,
      signedBy: `${subject} (${issuer})`,
      trusted: "policy.signing.identities in fleet.yaml",
    })
    expect(verifyText("web:1", found)).toContain(`by ${subject} (${issuer}), an identity of policy.signing.identities`)
  })

  it("is not good where another job is trusted, and says who signed it", async () => {
    const found = await verifiedBy({ issuer, subject: subject.replace("main", "other") })
    expect(found).toMatchObject({ good: false, problems: [expect.stringContaining(`another identity, ${subject}`)] })
    expect(found.record).toBeUndefined()
  })

  it("is not good where only keys are trusted", async () => {
    const trust = { keys: [pair.publicKey], from: "policy.signing.keys in fleet.yaml" } as const
    const registry = holding(record, "ghcr.io", bundle)
    const found = await verifyRelease({ registry, trust, now }, { family: "web", digest })
    expect(found).toMatchObject({ good: false, problems: [expect.stringContaining("only keys are trusted")] })
  })
})
