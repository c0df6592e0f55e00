import { stripVTControlCharacters } from "node:util"
import { describe, expect, it } from "vitest"
import type { Accepted, Finding, Verdict } from "../../../dagger/lib/gates/verdict.ts"
import type { GateRecord } from "../../../dagger/lib/release/record.ts"
import type { ShippedFamily, ShipReport } from "../../../dagger/lib/release/ship.ts"
import { shipText } from "../../../dagger/lib/report/ship.ts"

const registry = { host: "127.0.0.1:5000", org: "fleet" }

const gate = (verdict: Verdict, brief: string, more: Partial<GateRecord> = {}): GateRecord => {
  return { verdict, seconds: 1, facts: {}, findings: [], brief, ...more }
}

const why: Finding = {
  what: "no advisory source is reachable here",
  fix: "`fairlead advisories` says how to give one",
}
const unchecked = gate("UNCHECKED", "", { notes: [why] })

const good: Record<string, GateRecord> = {
  size: gate("PASS", "39 MB (budget 45)"),
  contract: gate("PASS", "31/31"),
  smoke: gate("PASS", "0.1 s"),
  sbom: gate("PASS", "58 pkg"),
  scan: gate("PASS", "none"),
  audit: gate("PASS", "17 audited"),
}

const shipped = (gates: Record<string, GateRecord>, more: Partial<ShippedFamily> = {}): ShippedFamily => ({
  family: "base-python",
  verdict: "PASS",
  reused: false,
  reason: "",
  ref: "127.0.0.1:5000/fleet/base-python:20261122-abc1234",
  digest: `sha256:${"a".repeat(64)}`,
  size: { compressed: 39_000_000, uncompressed: 100_000_000 },
  packages: 58,
  gates,
  seconds: 41,
  gateSeconds: 9,
  steps: { ran: 3, cached: 4 },
  added: 12_000_000,
  ...more,
})

const told = (...families: ShippedFamily[]): string[] => {
  const report: ShipReport = { schema: 1, verdict: "PASS", tag: "20261122-abc1234", families, seconds: 113 }
  return stripVTControlCharacters(shipText(report, registry)).split("\n")
}

const cells = (line = ""): string[] => line.trim().split(/ {2,}/)

describe("what ship tells", () => {
  it("has the gates in the order in which people read them, the count of packages as the sbom gate's answer", () => {
    const [head, row] = told(shipped(good))
    expect(cells(head)).toEqual(["family", "build", "contract", "smoke", "audit", "scan", "sbom", "size", "pushed"])
    expect(cells(row)).toEqual([
      "base-python",
      "41 s",
      "ok 31/31",
      "ok 0.1 s",
      "ok 17 audited",
      "ok none",
      "58 pkg",
      "39 MB (budget 45)",
      "20261122-abc1234",
    ])
  })

  it("counts packages itself where there is no sbom gate", () => {
    const { sbom: _, ...gates } = good
    const [head, row] = told(shipped(gates))
    expect(cells(head)[6]).toBe("sbom")
    expect(cells(row)[6]).toBe("58 pkg")
  })

  it("tells at the end what took how long, and what the cache saved", () => {
    const lines = told(
      shipped(good),
      shipped(good, { family: "base-utils", seconds: 5, steps: { ran: 1, cached: 2 }, added: 3_000_000 }),
      shipped(good, { family: "family-web", reused: true, steps: undefined, added: undefined }),
    )
    expect(lines).toContain("  took     build 46 s, gates 18 s, added up over 2 images · 15 MB of new layers")
    expect(lines).toContain("  saved    6 of 10 build steps; 1 unchanged image that took 50 s to make")
    const unchanged = told(shipped(good, { reused: true, steps: undefined, added: undefined }))
    expect(unchanged.filter((line) => line.startsWith("  took"))).toEqual([])
  })

  it("says unchecked in its own word, and once at the end why and what to do", () => {
    const family = { ...good, audit: unchecked, scan: unchecked }
    const lines = told(shipped(family), shipped(family, { family: "base-utils" }))
    expect(cells(lines[1]).slice(4, 6)).toEqual(["unchecked", "unchecked"])
    expect(lines.filter((line) => line.includes("unchecked:"))).toEqual([
      "  note     audit and scan are unchecked: no advisory source is reachable here. `fairlead advisories` says how to give one",
    ])
  })

  it("needs one line as well where each source has reasons of its own, and another where a source knows too little", () => {
    const none = (why: string): GateRecord =>
      gate("UNCHECKED", "", { facts: { source: { state: "none", why } }, notes: [{ what: `${why}: nobody looked` }] })
    const lines = told(shipped({ ...good, audit: none("pypi.org answers 404"), scan: none("ghcr.io: no such host") }))
    expect(lines.filter((line) => line.includes("unchecked:"))).toEqual([
      "  note     audit and scan are unchecked: no advisory source is reachable here. `fairlead advisories` says why, and how to give one",
    ])
    const partly = gate("UNCHECKED", "", {
      facts: {},
      notes: [{ what: "it knows nothing of Debian 12", fix: "name another" }],
    })
    expect(told(shipped({ ...good, audit: none("pypi.org answers 404"), scan: partly }))).toContain(
      "  note     scan is unchecked: it knows nothing of Debian 12. name another",
    )
  })

  it("never says ok to what was not looked at", () => {
    const { scan: _, ...without } = good
    const lines = told(shipped(good), shipped({ ...without, audit: unchecked }, { family: "base-utils" }))
    expect(cells(lines[2]).slice(4, 6)).toEqual(["unchecked", "not known"])
  })

  it("counts accepted risks with the next expiry, and names each with who answers for it", () => {
    const accepted = (id: string, name: string, reviewBy: string): Accepted => {
      return { what: `${name}: ${id}`, id, package: name, reason: "frozen baseline", by: "Ada", reviewBy }
    }
    const two = [accepted("CVE-2", "libxml2", "2027-03-01"), accepted("CVE-1", "torch", "2027-02-20")]
    const lines = told(shipped({ ...good, scan: gate("ACCEPTED", "2 accepted", { accepted: two }) }))
    expect(cells(lines[1])[5]).toBe("accepted (2, next expiry 2027-02-20)")
    expect(lines.filter((line) => line.trim().startsWith("accepted"))).toEqual([
      "  accepted torch CVE-1 until 2027-02-20 by Ada: frozen baseline (base-python)",
      "  accepted libxml2 CVE-2 until 2027-03-01 by Ada: frozen baseline (base-python)",
    ])
  })

  it("tells the worst 10 of 100 findings, and where the other 90 are", () => {
    const severities = ["LOW", "MEDIUM", "HIGH"] as const
    const findings = Array.from({ length: 99 }, (_, index): Finding => {
      const severity = severities[index % 3]!
      return { what: `${severity} ${index}`, risk: { ids: [`CVE-${index}`], package: "p", kind: "python", severity } }
    })
    const worst: Finding = {
      what: "the worst",
      risk: { ids: ["CVE-9"], package: "q", kind: "debian", severity: "CRITICAL" },
    }
    const lines = told(
      shipped({ ...good, scan: gate("FAIL", "100 found", { findings: [...findings, worst] }) }, { ref: undefined }),
    )
    const at = lines.findIndex((line) => line.includes("scan FAIL"))
    const own = lines.slice(at + 1, at + 12).map((line) => line.trim())
    expect(own[0]).toBe("the worst")
    expect(own.slice(1, 10).every((line) => line.startsWith("HIGH"))).toBe(true)
    expect(own[10]).toBe("and 90 more: fairlead report")
    expect(lines.join("\n")).toContain("not shipped: base-python")
  })

  it("says that there is more to know in one line", () => {
    const notes = [{ what: "Python 3.10 is past its end of life" }, { what: "curl is used by nothing" }]
    const lines = told(shipped({ ...good, scan: gate("PASS", "none", { notes }) }))
    expect(lines).toContain("  note     Python 3.10 is past its end of life · and 1 more note: fairlead report")
  })
})
