import { readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Ajv } from "ajv"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { Problem } from "../../../dagger/lib/problem.ts"
import { loadRisks, parseRisks } from "../../../dagger/lib/risks/load.ts"
import { riskSchema, risksJsonSchema } from "../../../dagger/lib/risks/risk.ts"
import { standingRiskSchema } from "../../../dagger/lib/risks/standing.ts"
import { smallFleet } from "../../fleets/small.ts"
import { contents, now, risk } from "./records.ts"

const fleet = smallFleet()
const good = `schema: 1
risks:
  - id: CVE-2099-0001
    package: h11
    families: { top: "${contents}" }
    reason: nothing listens on it
    by: Ada <ada@example.org>
    accepted: 2026-11-22
    reviewBy: 2027-02-20
`

const refusal = (text: string): string[] => {
  try {
    parseRisks(text, fleet, now)
  } catch (error) {
    if (!(error instanceof Problem) || error.exitCode !== 2) throw error
    return error.message.split("\n")
  }
  throw new Error("was accepted")
}

const changed = (from: string, to: string) => {
  expect(good).toContain(from)
  return good.replace(from, () => to)
}

describe("risks.yaml", () => {
  it("is read into risks", () => expect(parseRisks(good, fleet, now)).toEqual([risk()]))

  it("may accept nothing", () => expect(parseRisks("schema: 1\nrisks: []\n", fleet, now)).toEqual([]))

  it("fits its JSON Schema", () => {
    const valid = new Ajv({ strict: false }).compile(risksJsonSchema())
    expect([valid(parse(good)), valid.errors]).toEqual([true, null])
    expect(valid(parse(changed("reason:", "reasons:")))).toBe(false)
  })

  it.each([
    [
      "a day that is none",
      "accepted: 2026-11-22",
      "accepted: 2026-02-30",
      'risks.yaml: risks[0].accepted: "2026-02-30" is no day of the calendar (line 8)',
    ],
    [
      "more days than policy allows",
      "2027-02-20",
      "2027-02-21",
      "risks.yaml: risks[0].reviewBy: 2027-02-21 is 91 days after 2026-11-22; policy.risks.maxDays allows 90: 2027-02-20 at the latest (line 9)",
    ],
    [
      "an end before the beginning",
      "2027-02-20",
      "2026-11-21",
      "risks.yaml: risks[0].reviewBy: 2026-11-21 is before 2026-11-22, when it was accepted (line 9)",
    ],
    [
      "an acceptance of the future",
      "accepted: 2026-11-22",
      "accepted: 2026-11-24",
      "risks.yaml: risks[0].accepted: 2026-11-24 is in the future (today is 2026-11-22); write the day it was accepted on (line 8)",
    ],
    [
      "a family that is not there",
      "{ top:",
      "{ tip:",
      'risks.yaml: risks[0].families.tip: there is no family "tip" any more; take it out of the entry (line 5)',
    ],
    [
      "an alias",
      "{ top:",
      "{ t:",
      'risks.yaml: risks[0].families.t: there is no family "t"; that is the alias of top, write the name (line 5)',
    ],
    [
      "no family",
      `{ top: "${contents}" }`,
      "{}",
      "risks.yaml: risks[0].families: is empty; name the families that it was accepted for (line 5)",
    ],
    [
      "a key nobody knows",
      "reason:",
      "raeson:",
      "risks.yaml: risks[0].raeson: is not known here; did you mean reason? (line 6)",
    ],
    [
      "a digest that is none",
      contents,
      "sha256:cc",
      'risks.yaml: risks[0].families.top: "sha256:cc" is not a digest: "sha256:" and 64 lower-case hex digits (line 5)',
    ],
  ])("refuses %s", (_, from, to, sentence) => expect(refusal(changed(from, to))).toContain(sentence))

  it("lets tomorrow pass as the day of acceptance: it may be tomorrow already where somebody accepts", () => {
    expect(parseRisks(changed("accepted: 2026-11-22", "accepted: 2026-11-23"), fleet, now)).toHaveLength(1)
  })

  it("refuses the same id, package and family twice, however the id is written", () => {
    const twice = good + good.split("risks:\n")[1]!.replace("CVE-", "cve-")
    expect(refusal(twice)).toEqual([
      "risks.yaml: risks[1].families.top: cve-2099-0001 for h11 is accepted for top in risks[0] already; keep one of the two (line 12)",
    ])
  })

  it.each([
    ["an empty file", "", "risks.yaml: is empty"],
    ["a list", "- id: x\n", "risks.yaml: is not a map"],
    ["half a file", good.slice(0, 60), "risks.yaml: risks[0]."],
    ["a tag", changed("reason: ", "reason: !!str "), "risks.yaml: risks[0].reason: the tag"],
    ["a bomb", `schema: 1\nrisks: ${"[".repeat(100)}`, "risks.yaml: is nested more than 32 deep"],
    ["too much", `schema: 1\nrisks: [] # ${"x".repeat(2_000_000)}`, "risks.yaml: is larger than 2 MB"],
  ])("is never taken for no risks when it is %s", (_, text, start) => {
    expect(refusal(text)[0]).toContain(start)
  })
})

describe("a repository", () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "risks-"))
  })
  afterEach(() => rm(root, { recursive: true }))

  it("without risks.yaml accepts nothing", async () => expect(await loadRisks(root, fleet, now)).toEqual([]))

  it("with one that is no text is refused", async () => {
    await writeFile(join(root, "risks.yaml"), Buffer.from([0xff, 0xfe, 0x00]))
    await expect(loadRisks(root, fleet, now)).rejects.toThrow("risks.yaml: is not UTF-8 text")
  })
})

describe("docs/risks.md", () => {
  const page = readFileSync(new URL("../../../docs/risks.md", import.meta.url), "utf8")

  it("shows a file that is right", () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
    const own = smallFleet({
      families: `  family-torch-cu121: { alias: t, description: x, base: bookworm, budget: { compressed: 1 MB, uncompressed: 2 MB } }`,
    })
    expect(parseRisks(example, own, now)).toMatchObject([{ id: "CVE-2025-32434", reviewBy: "2027-02-20" }])
  })

  it("names every key and every state that there is", () => {
    for (const key of [...Object.keys(riskSchema.shape), "schema", "risks"]) expect(page).toContain(`\`${key}\``)
    for (const state of standingRiskSchema.shape.state.options)
      expect(page).toMatch(new RegExp(`^\\| ${state} \\|`, "m"))
  })
})
