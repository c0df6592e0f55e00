import { describe, expect, it } from "vitest"
import { endOfLife, type Standing } from "../../../dagger/lib/gates/endOfLife.ts"
import { fleet, rulesFor } from "./facts.ts"

const bookworm = { release: { id: "debian", codename: "bookworm" }, python: "3.11.2" }
const on = (day: string, standing: Standing = bookworm, saying?: { family: string; endOfLife: string }) => {
  const families = saying
    ? { ...fleet.families, [saying.family]: { ...fleet.families[saying.family]!, endOfLife: saying.endOfLife } }
    : fleet.families
  const now = new Date(`${day}T12:00:00Z`)
  const { findings, notes } = endOfLife(standing, rulesFor("family-web", { now, fleet: { ...fleet, families } }))
  return {
    findings: findings.map(({ what }) => what),
    notes: notes.map(({ what }) => what),
    risks: findings.map(({ risk }) => risk),
  }
}

describe("the end of life", () => {
  it("is nobody's business while everything gets its regular fixes", () => {
    expect(on("2026-01-01")).toMatchObject({ findings: [], notes: [] })
  })

  it("is told when only the long-term support of Debian is left", () => {
    expect(on("2026-11-22")).toMatchObject({
      findings: [],
      notes: ["Debian 12: since 2026-07-11 long-term support alone fixes it until 2028-06-30"],
    })
  })

  it("is told half a year before", () => {
    expect(on("2027-05-01").notes).not.toContainEqual(expect.stringMatching(/^Python/))
    expect(on("2027-06-01").notes).toContain("Python 3.11 gets no fixes after 2027-10-31, in 153 days")
  })

  it("counts the last day in full, and fails from the next on", () => {
    expect(on("2027-10-31")).toMatchObject({ findings: [] })
    expect(on("2027-11-01").findings).toEqual([
      "end of life: Python 3.11 gets no fixes since 2027-10-31, and fleet.yaml does not say so",
    ])
  })

  it("fails for each of Debian and Python, and can be accepted by a name of its own", () => {
    const { findings, risks } = on("2028-07-01")
    expect(findings).toHaveLength(2)
    expect(risks).toMatchObject([
      { ids: ["end-of-life-debian-12"], package: "debian", kind: "other", installed: "12" },
      { ids: ["end-of-life-python-3.11"], package: "python" },
    ])
  })

  it("is a note where fleet.yaml says so, in the family or in what it stands on", () => {
    const legacy = { ...bookworm, python: "3.10.19" }
    expect(on("2026-11-22", legacy).findings).toHaveLength(1)
    for (const family of ["family-web", "base-python"]) {
      const { findings, notes } = on("2026-11-22", legacy, { family, endOfLife: "2026-10-31" })
      expect(findings).toEqual([])
      expect(notes).toContain(`Python 3.10 gets no fixes since 2026-10-31, as families.${family}.endOfLife says`)
    }
  })

  it("is not excused by what fleet.yaml says of another end", () => {
    const saying = { family: "family-web", endOfLife: "2026-10-31" }
    expect(on("2028-07-01", bookworm, saying).findings).toHaveLength(2)
  })

  it("is taken from Trivy for what is not known here", () => {
    const buster = { release: { id: "debian", codename: "buster" }, python: "3.11.2", eosl: true }
    expect(on("2026-01-01", buster).findings).toEqual([
      "end of life: Trivy knows debian buster as one that gets no fixes any more",
    ])
    expect(on("2026-01-01", { ...bookworm, eosl: true }).findings).toHaveLength(1)
    expect(on("2028-07-01", { ...bookworm, eosl: true }).findings.filter((each) => /debian/i.test(each))).toHaveLength(
      1,
    )
  })

  it("is said to be unknown where nobody knows it", () => {
    expect(on("2026-01-01", { release: { id: "alpine", codename: "" }, python: "2.7.18" }).notes).toEqual([
      "nobody here knows until when alpine gets fixes",
      "nobody here knows until when Python 2.7.18 gets fixes",
    ])
  })
})
