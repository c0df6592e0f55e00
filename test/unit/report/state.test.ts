import { describe, expect, it } from "vitest"
import type { GateRecord } from "../../../dagger/lib/release/record.ts"
import { fleetState, gateStates, type Release, worstOf } from "../../../dagger/lib/report/state.ts"
import type { Risk } from "../../../dagger/lib/risks/risk.ts"
import { bigFleet, scanFacts } from "../../fleets/big.ts"
import { smallFleet } from "../../fleets/small.ts"
import { contractFacts, sizeFacts, smokeFacts } from "../gates/facts.ts"

const now = new Date("2026-11-22T12:00:00Z")
const contents = `sha256:${"e".repeat(64)}`
const passed = (facts: unknown): GateRecord => ({ verdict: "PASS", seconds: 1, facts, findings: [] })

const release = (gates: Record<string, GateRecord>): Release => ({
  family: "bottom",
  digest: `sha256:${"a".repeat(64)}`,
  size: { compressed: 30_000_000, uncompressed: 80_000_000 },
  packages: 90,
  contents,
  gates,
})

const all = { contract: passed(contractFacts("base-python")), smoke: passed(smokeFacts()), size: passed(sizeFacts()) }

const standingOf = (gates: Record<string, GateRecord>, name: string, risks: Risk[] = [], on = now) =>
  gateStates(release(gates), risks, on).find((each) => each.name === name)

describe("a family's standing", () => {
  it("is not known without a record, and never a pass", () => {
    const { families } = fleetState({ fleet: smallFleet(), risks: [], now, releases: new Map() })
    expect(families.map(({ standing }) => standing)).toEqual(["NOT KNOWN", "NOT KNOWN", "NOT KNOWN"])
    expect(new Set(families.flatMap(({ gates }) => gates.map(({ standing }) => standing)))).toEqual(
      new Set(["NOT KNOWN"]),
    )
  })

  it("is not known where a gate is missing from the record", () => {
    const { smoke, size } = all
    const releases = new Map([["bottom", [release({ smoke, size })]]])
    const [bottom] = fleetState({ fleet: smallFleet(), risks: [], now, releases }).families
    expect(bottom?.gates.find(({ name }) => name === "contract")?.standing).toBe("NOT KNOWN")
    expect(bottom?.standing).toBe("NOT KNOWN")
  })

  it("does not believe a pass whose facts cannot be read, and keeps a failure whose facts cannot", () => {
    expect(standingOf({ ...all, size: passed({ something: "else" }) }, "size")?.standing).toBe("NOT KNOWN")
    const failed = { ...passed({ something: "else" }), verdict: "FAIL" as const }
    expect(standingOf({ ...all, size: failed }, "size")?.standing).toBe("FAIL")
  })

  it("is as bad as the worst gate, and unchecked is no pass", () => {
    expect(worstOf(["PASS", "UNCHECKED", "ACCEPTED"])).toBe("UNCHECKED")
    expect(worstOf(["UNCHECKED", "NOT KNOWN"])).toBe("NOT KNOWN")
    expect(worstOf(["NOT KNOWN", "FAIL", "ERROR"])).toBe("ERROR")
    expect(worstOf([])).toBe("NOT KNOWN")
  })
})

it("tells an app image once it was built, and its services there instead of at their family", () => {
  const services = (releases: Map<string, Release[]>) =>
    fleetState({ fleet: bigFleet, risks: [], now, releases }).families.map(
      ({ family, services }) => [family, services.length] as const,
    )
  const before = new Map(services(new Map()))
  expect(before.has("reference-web")).toBe(false)
  const after = new Map(services(new Map([["reference-web", [{ ...release(all), family: "reference-web" }]]])))
  expect(after.get("reference-web")).toBe(before.get("family-web"))
  expect(after.get("family-web")).toBe(0)
  for (const all of [before, after]) expect([...all.values()].reduce((sum, each) => sum + each)).toBe(64)
})

describe("an acceptance in a record", () => {
  const found = { ids: ["CVE-2026-1", "GHSA-1"], package: "torch", kind: "python" as const }
  const risk: Risk = {
    id: "GHSA-1",
    package: "torch",
    families: { bottom: contents },
    reason: "not reachable",
    by: "Ada",
    accepted: "2026-11-01",
    reviewBy: "2026-12-01",
  }
  const scan: GateRecord = {
    verdict: "ACCEPTED",
    seconds: 1,
    facts: scanFacts("base-python", 0),
    findings: [],
    accepted: [{ what: "torch: CVE-2026-1", id: "CVE-2026-1", package: "torch", reason: risk.reason, by: "Ada", reviewBy: "2026-12-01", risk: found }],
  } // biome-ignore format: one line tells it best

  it("holds as long as risks.yaml has it", () => {
    expect(standingOf({ ...all, scan }, "scan", [risk])?.standing).toBe("ACCEPTED")
  })

  it("is a finding again when its day has passed, or nobody answers for it any more, or the packages are others", () => {
    const later = new Date("2026-12-02T00:00:00Z")
    for (const [risks, on] of [
      [[risk], later],
      [[], now],
      [[{ ...risk, families: { bottom: `sha256:${"f".repeat(64)}` } }], now],
    ] as const) {
      const gate = standingOf({ ...all, scan }, "scan", [...risks], on)
      expect(gate?.standing).toBe("FAIL")
      expect(gate?.accepted).toEqual([])
      expect(gate?.findings[0]).toMatchObject({ what: "torch: CVE-2026-1", risk: found })
    }
  })
})
