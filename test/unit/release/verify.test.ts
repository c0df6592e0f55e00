import { describe, expect, it } from "vitest"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import { verifyRelease } from "../../../dagger/lib/release/verify.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
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
