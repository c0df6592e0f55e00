import type { FoundRisk, Verdict } from "../../../dagger/lib/gates/verdict.ts"
import { type GateRecord, type ImageRecord, recordSchema } from "../../../dagger/lib/release/record.ts"
import type { Risk } from "../../../dagger/lib/risks/risk.ts"

export const now = new Date("2026-11-22T12:00:00Z")
export const contents = `sha256:${"c".repeat(64)}`
export const otherContents = `sha256:${"d".repeat(64)}`

export const h11: FoundRisk = {
  ids: ["CVE-2099-0001", "GHSA-aaaa-bbbb-cccc", "PYSEC-2099-1"],
  package: "h11",
  kind: "python",
  installed: "0.16.0",
  fixed: ["9.9.9"],
  severity: "HIGH",
}
export const tzdata: FoundRisk = {
  ids: ["CVE-2099-0002"],
  package: "tzdata",
  kind: "debian",
  installed: "2026b-0+deb12u1",
  fixed: ["2099a-0+deb12u1"],
  severity: "CRITICAL",
}

export const finding = (risk: FoundRisk) => ({
  what: `${risk.ids[0]} in ${risk.package} ${risk.installed}`,
  fix: `take ${risk.fixed?.[0]}`,
  risk,
})

/** A gate's answer: FAIL with these weaknesses, or PASS without any. */
export const answer = (risks: FoundRisk[] = [], more: Partial<GateRecord> = {}): GateRecord => ({
  verdict: risks.length > 0 ? "FAIL" : "PASS",
  seconds: 1,
  facts: {},
  findings: risks.map(finding),
  ...more,
})

export const unchecked = (): GateRecord => answer([], { verdict: "UNCHECKED" satisfies Verdict })

/** What the store would give back: every test's record goes through the store's own schema. */
export const record = (
  family: string,
  gates: Record<string, GateRecord>,
  more: Partial<ImageRecord> = {},
): ImageRecord =>
  recordSchema.parse({
    schema: 1,
    family,
    fingerprint: "0123456789abcdef",
    ingredients: { files: {}, pins: {}, args: {}, standsOn: {}, epoch: 1, machine: "", builder: "b" },
    digest: `sha256:${"a".repeat(64)}`,
    revision: "fedcba9876543210fedcba9876543210fedcba98",
    size: { compressed: 51_000_000, uncompressed: 186_000_000 },
    packages: 3,
    contents,
    gates,
    gateSeconds: 2,
    seconds: 3,
    tools: {},
    at: "2026-11-22T11:00:00.000Z",
    ...more,
  })

export const risk = (more: Partial<Risk> = {}): Risk => ({
  id: "CVE-2099-0001",
  package: "h11",
  families: { top: contents },
  reason: "nothing listens on it",
  by: "Ada <ada@example.org>",
  accepted: "2026-11-22",
  reviewBy: "2027-02-20",
  ...more,
})
