import { describe, expect, it } from "vitest"
import { risksText } from "../../../dagger/lib/report/risks.ts"
import { riskNotes, standingFor, standingRisks, unusedRisks } from "../../../dagger/lib/risks/standing.ts"
import { answer, contents, finding, h11, now, otherContents, record, risk, tzdata, unchecked } from "./records.ts"

const failing = record("top", { audit: answer(), scan: answer([h11]) })
const clean = record("top", { audit: answer(), scan: answer() })
const later = new Date("2027-02-21T00:00:00Z")

describe("an entry", () => {
  it("is in force where the newest image shows what it is about", () =>
    expect(standingFor(risk(), "top", failing, now)).toBe("in force"))

  it("is in force where the record has it accepted already", () => {
    const accepted = [
      { ...finding(h11), id: h11.ids[0]!, package: "h11", reason: "x", by: "x", reviewBy: "2027-02-20" },
    ]
    const kept = record("top", { audit: answer(), scan: answer([], { verdict: "ACCEPTED", accepted }) })
    expect(standingFor(risk(), "top", kept, now)).toBe("in force")
  })

  it("has passed the day after its last", () => expect(standingFor(risk(), "top", failing, later)).toBe("passed"))

  it("is for other packages once the image has others", () =>
    expect(standingFor(risk({ families: { top: otherContents } }), "top", failing, now)).toBe("for other packages"))

  it("is unused where both gates looked and nothing shows it, whether or not it has passed", () => {
    expect(standingFor(risk(), "top", clean, now)).toBe("unused")
    expect(standingFor(risk(), "top", clean, later)).toBe("unused")
  })

  it("is unused where it is only noted, which fails nothing", () => {
    const noted = record("top", { audit: answer(), scan: answer([], { notes: [finding(h11)] }) })
    expect(standingFor(risk(), "top", noted, now)).toBe("unused")
  })

  it.each([
    ["without a record", undefined],
    ["where scan is unchecked", record("top", { audit: answer(), scan: unchecked() })],
    ["where audit never answered", record("top", { scan: answer() })],
    ["where scan could not look", record("top", { audit: answer(), scan: answer([], { verdict: "ERROR" }) })],
  ])("is never called unused %s", (_, kept) => expect(standingFor(risk(), "top", kept, now)).toBe("unchecked"))
})

describe("unused entries", () => {
  it("are told with the families that do not use them", () => {
    const both = risk({ families: { top: contents, middle: contents } })
    const middle = record("middle", { audit: answer(), scan: answer() })
    expect(unusedRisks([both], { top: failing, middle }, now)).toEqual([{ risk: both, families: ["middle"] }])
    expect(riskNotes([both], { top: failing, middle }, now)).toEqual([
      "risks.yaml: CVE-2099-0001 for h11 is not used by middle: take it out there",
    ])
  })
})

describe("notes of ship", () => {
  it("are none for an entry that holds and is used", () =>
    expect(riskNotes([risk()], { top: failing }, now)).toEqual([]))

  it.each([
    ["unused", risk(), clean, now, "CVE-2099-0001 for h11 is used by nobody: remove it"],
    ["passed", risk(), failing, later, "CVE-2099-0001 for h11 has passed on 2027-02-20: mend it, or accept it anew"],
    [
      "soon to pass",
      risk({ reviewBy: "2026-11-23" }),
      failing,
      now,
      "CVE-2099-0001 for h11 holds until 2026-11-23, 1 more day",
    ],
    [
      "for others",
      risk({ families: { top: otherContents } }),
      failing,
      now,
      "CVE-2099-0001 for h11 was accepted for other packages than top has now",
    ],
    [
      "for all",
      risk({ id: "*", package: "*" }),
      failing,
      now,
      "everything for any package is WARN mode: whatever is found there passes",
    ],
  ])("tell what is %s", (_, entry, kept, on, note) =>
    expect(riskNotes([entry], { top: kept }, on)).toEqual([`risks.yaml: ${note}`]),
  )

  it("say nothing of what nobody looked at", () => expect(riskNotes([risk()], {}, now)).toEqual([]))
})

describe("the list", () => {
  it("has the worst state of an entry's families, the others by name, and the days left", () => {
    const entries = [
      risk({ families: { top: contents, middle: otherContents } }),
      risk({ id: "CVE-2099-0002", package: "tzdata" }),
    ]
    const records = {
      top: record("top", { audit: answer(), scan: answer([h11, tzdata]) }),
      middle: record("middle", { scan: answer([h11]) }),
    }
    const standing = standingRisks(entries, records, now)
    expect(standing.map(({ state, daysLeft }) => [state, daysLeft])).toEqual([
      ["for other packages", 90],
      ["in force", 90],
    ])
    expect(risksText(standing)).toMatch(/CVE-2099-0001 .* 90 .*for other packages; top: in force/)
  })

  it("says in words that there is none", () => expect(risksText([])).toContain("risks.yaml accepts nothing"))
})
