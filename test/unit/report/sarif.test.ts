import { createRequire } from "node:module"
import { Ajv, type ValidateFunction } from "ajv"
import formats from "ajv-formats"
import { beforeAll, describe, expect, it } from "vitest"
import { sarif } from "../../../dagger/lib/report/sarif.ts"
import { fleetState } from "../../../dagger/lib/report/state.ts"
import { bigFleet, bigState, hostile, today } from "../../fleets/big.ts"

// The schema of SARIF 2.1.0 as Microsoft's packages carry it. It is of JSON Schema draft 4, of which it uses nothing that
// later drafts read otherwise but the word "id".
const {
  id: _id,
  $schema: _draft,
  ...schema
} = createRequire(import.meta.url)("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json")

let validate: ValidateFunction
beforeAll(() => {
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false })
  formats.default(ajv)
  validate = ajv.compile(schema)
})

interface Log {
  runs: Run[]
}

interface Run {
  automationDetails: { id: string }
  tool: { driver: { name: string; rules: { id: string; properties: Record<string, unknown> }[] } }
  invocations: { executionSuccessful: boolean }[]
  results: Result[]
}

interface Result {
  ruleId: string
  ruleIndex: number
  level: string
  message: { text: string }
  locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[]
  partialFingerprints: Record<string, string>
  suppressions?: { kind: string; justification: string }[]
}

const log = sarif(bigState(500), "0.1.0") as Log
const run = (gate: string): Run => log.runs.find((each) => each.automationDetails.id.endsWith(`/${gate}`))!

describe("SARIF", () => {
  it("is what the schema of SARIF 2.1.0 wants, and the schema refuses what is not", () => {
    validate(log)
    expect(validate.errors ?? []).toEqual([])
    expect(validate({ ...log, runs: [{ ...log.runs[0], results: [{ level: "terrible" }] }] })).toBe(false)
    validate(sarif(fleetState({ fleet: bigFleet, risks: [], now: today, releases: new Map() }), "0.1.0"))
    expect(validate.errors ?? []).toEqual([])
  })

  it("has a run of fairlead per gate, each in a category of its own", () => {
    expect(log.runs.map(({ automationDetails }) => automationDetails.id.split("/").at(-1))).toEqual([
      "contract",
      "smoke",
      "audit",
      "scan",
      "sbom",
      "size",
    ])
    expect(new Set(log.runs.map(({ tool }) => tool.driver.name))).toEqual(new Set(["fairlead"]))
  })

  it("puts a finding at its line of the Dockerfile or lock, by paths of the repository only", () => {
    const [root] = run("contract").results
    expect(root).toMatchObject({ ruleId: "contract/user", level: "error" })
    expect(root?.locations[0]?.physicalLocation).toMatchObject({
      artifactLocation: { uri: "dockerfiles/family-web.Dockerfile", uriBaseId: "SRCROOT" },
      region: { startLine: 31 },
    })
    for (const { locations } of log.runs.flatMap(({ results }) => results)) {
      expect(locations[0]?.physicalLocation.artifactLocation.uri).toMatch(/^(?!\/)(?!.*\.\.)[\w./-]+$/)
      expect(locations[0]?.physicalLocation.region.startLine).toBeGreaterThan(0)
    }
  })

  it("has rules by id, with a level by severity", () => {
    const { results, tool } = run("scan")
    const torch = results.find(({ ruleId }) => ruleId === "CVE-2025-32434")!
    expect(torch.level).toBe("error")
    expect(tool.driver.rules[torch.ruleIndex]).toMatchObject({
      id: "CVE-2025-32434",
      properties: { "security-severity": "9.5" },
    })
    for (const each of log.runs)
      for (const { ruleId, ruleIndex } of each.results) expect(each.tool.driver.rules[ruleIndex]?.id).toBe(ruleId)
    expect(results.find(({ ruleId }) => ruleId === "CVE-2026-10001")?.level).toBe("warning")
  })

  it("gives the same weakness the same fingerprint in the next release, whatever version and line it has by then", () => {
    const state = bigState(500)
    const later = structuredClone(sarif(state, "0.1.0")) as Log
    for (const family of state.families)
      for (const gate of family.gates)
        gate.findings = gate.findings.map((each) => ({
          ...each,
          what: each.what.replace(/2\.2\.2/g, "2.2.3"),
          where: each.where?.replace(/:\d+/, ":99"),
          risk: each.risk && { ...each.risk, installed: "2.2.3" },
        }))
    const next = sarif(state, "0.2.0") as Log
    const prints = ({ runs }: Log) => runs.flatMap(({ results }) => results.map((each) => each.partialFingerprints))
    expect(prints(next)).toEqual(prints(later))
    const all = prints(next).map((each) => each["fairlead/v1"])
    expect(new Set(all).size).toBe(all.length)
  })

  it("suppresses what is accepted, and says who answers for it", () => {
    const accepted = run("scan").results.filter(({ suppressions }) => suppressions)
    expect(accepted).toHaveLength(4)
    expect(accepted[0]?.suppressions?.[0]).toMatchObject({ kind: "external", status: "accepted" })
    expect(accepted[0]?.suppressions?.[0]?.justification).toContain("accepted by Ada until 2026-11-30")
  })

  it("never reads like a clean run where a gate was unchecked or could not look", () => {
    const { results, invocations } = run("scan")
    const silent = results.filter(({ ruleId }) => ruleId === "scan/not-looked")
    expect(silent.map(({ level, message }) => `${level} ${message.text.split(":")[0]}`)).toEqual([
      "warning base-gpu-cu121",
      "error family-vision-cu121",
    ])
    expect(invocations[0]?.executionSuccessful).toBe(false)
    expect(run("smoke")).toMatchObject({ results: [], invocations: [{ executionSuccessful: true }] })
  })

  it("carries a hostile name as text only", () => {
    expect(JSON.stringify(log)).not.toContain("\\u001b")
    expect(run("audit").results.some(({ message }) => message.text.includes(hostile[0]!))).toBe(true)
  })
})
