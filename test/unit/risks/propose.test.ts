import { describe, expect, it } from "vitest"
import { Problem } from "../../../dagger/lib/problem.ts"
import { parseRisks } from "../../../dagger/lib/risks/load.ts"
import { type AcceptRequest, proposeAcceptance, remainingFindings } from "../../../dagger/lib/risks/propose.ts"
import type { Risk } from "../../../dagger/lib/risks/risk.ts"
import { withProposal } from "../../../dagger/lib/risks/write.ts"
import { smallFleet } from "../../fleets/small.ts"
import { answer, contents, finding, h11, now, otherContents, record, risk, tzdata, unchecked } from "./records.ts"

const fleet = smallFleet()
const records = {
  bottom: record("bottom", { audit: unchecked(), scan: answer([tzdata]) }, { contents: otherContents }),
  middle: record("middle", { audit: answer([h11]), scan: answer([h11, tzdata]) }),
  top: record("top", {
    audit: answer(),
    scan: answer([tzdata], { notes: [finding({ ...h11, ids: ["CVE-2099-0003"] })] }),
  }),
}
const ask = (request: Partial<AcceptRequest>, risks: Risk[] = []) =>
  proposeAcceptance({ id: "CVE-2099-0001", reason: "a test", by: "Ada", ...request }, { fleet, risks, records, now })

const refusal = (request: Partial<AcceptRequest>, risks: Risk[] = []): string => {
  try {
    ask(request, risks)
  } catch (error) {
    if (!(error instanceof Problem) || error.exitCode !== 2) throw error
    return error.message
  }
  throw new Error("was accepted")
}

describe("accepting", () => {
  it("holds for every family whose newest record shows it, each with its own packages, as long as policy allows", () => {
    expect(ask({ id: "CVE-2099-0002" }).added).toEqual([
      {
        id: "CVE-2099-0002",
        package: "tzdata",
        families: { bottom: otherContents, middle: contents, top: contents },
        reason: "a test",
        by: "Ada",
        accepted: "2026-11-22",
        reviewBy: "2027-02-20",
      },
    ])
  })

  it("holds for the named families only, also by alias, and for as many days as asked", () => {
    const { added } = ask({ id: "CVE-2099-0002", families: ["t"], days: 10 })
    expect([added[0]?.families, added[0]?.reviewBy]).toEqual([{ top: contents }, "2026-12-02"])
  })

  it("takes any name of the weakness", () =>
    expect(ask({ id: "PYSEC-2099-1" }).added[0]?.families).toEqual({ middle: contents }))

  it("writes one entry per package", () => {
    const two = { middle: record("middle", { scan: answer([h11, { ...h11, package: "anyio" }]) }) }
    const { added } = proposeAcceptance(
      { id: "CVE-2099-0001", reason: "x", by: "x" },
      { fleet, risks: [], records: two, now },
    )
    expect(added.map((each) => each.package)).toEqual(["h11", "anyio"])
  })

  it("of everything is one entry for the families that are named", () => {
    expect(ask({ id: "*", families: ["middle"] }).added).toMatchObject([
      { id: "*", package: "*", families: { middle: contents } },
    ])
    expect(refusal({ id: "*" })).toContain("accepting everything wants to know for which families")
  })

  it.each([
    [
      "an id that no record shows, with the nearest",
      { id: "CVE-2099-0011" },
      /^risk accept: no newest record of a family shows CVE-2099-0011 for any package: shown are .*CVE-2099-0002 for tzdata.*nobody could look at bottom \(audit UNCHECKED\)\n {2}fix: did you mean CVE-2099-0001\?/,
    ],
    [
      "a package that does not have it, with the one that does",
      { package: "numpy" },
      /shows CVE-2099-0001 for numpy: it is shown for h11 of middle/,
    ],
    ["a family that does not show it", { families: ["top"] }, /the newest record of top does not show CVE-2099-0001/],
    ["what is only noted", { id: "CVE-2099-0003" }, /only noted there and fails nothing/],
    [
      "more days than policy allows",
      { days: 91 },
      /^--days: 91 days are more than an acceptance may last\n {2}fix: 2027-02-20 is the latest day, 90 days from now/,
    ],
    ["a later day than policy allows", { reviewBy: "2027-02-21" }, /^--review-by: 91 days are more than/],
    ["a day that has passed", { reviewBy: "2026-11-21" }, /2026-11-21 has passed/],
    ["no day", { reviewBy: "soon" }, /"soon" is no day such as/],
    ["no days", { days: 0 }, /0 is no number of days/],
    ["two ends", { days: 3, reviewBy: "2026-12-01" }, /say either --days or --review-by/],
    ["no reason", { reason: "  " }, /^--reason: is empty/],
    ["a reason of several lines", { reason: "a\nb" }, /^--reason: .* is not one line of text/],
    ["a family that is not there", { families: ["tpo"] }, /there is no family "tpo"; did you mean top\?/],
  ])("refuses %s", (_, request, sentence) => expect(refusal(request)).toMatch(sentence))

  it("refuses a family without a record", () => {
    const on = { fleet, risks: [], records: { middle: records.middle }, now }
    expect(() => proposeAcceptance({ id: "CVE-2099-0001", reason: "x", by: "x", families: ["top"] }, on)).toThrow(
      "there is no record of top, so nothing shows what to accept",
    )
  })
})

describe("what is accepted already", () => {
  const held = risk({ families: { middle: contents } })

  it("is refused, also by another of its names, and --renew is offered", () => {
    for (const id of ["CVE-2099-0001", "PYSEC-2099-1"])
      expect(refusal({ id }, [held])).toBe(
        "risks.yaml: CVE-2099-0001 for h11 is accepted already, by Ada <ada@example.org> until 2027-02-20\n  fix: pass --renew to replace that entry",
      )
  })

  it("is replaced by a renewal", () => {
    const { added, replaced } = ask({ id: "PYSEC-2099-1", renew: true }, [held])
    expect([added[0]?.id, replaced]).toEqual(["PYSEC-2099-1", [{ risk: held, families: ["middle"] }]])
  })

  it("and has passed, or was for other packages, is replaced without being asked", () => {
    const passed = risk({
      families: { middle: contents, gone: contents },
      accepted: "2026-08-01",
      reviewBy: "2026-10-01",
    })
    expect(ask({}, [passed]).replaced).toEqual([{ risk: passed, families: ["middle"] }])
    const others = risk({ families: { middle: otherContents } })
    expect(ask({}, [others]).replaced).toEqual([{ risk: others, families: ["middle"] }])
  })

  it("for some families is left alone when it is accepted for the others", () => {
    const one = risk({ id: "CVE-2099-0002", package: "tzdata", families: { top: contents } })
    const { added, replaced } = ask({ id: "CVE-2099-0002" }, [one])
    expect([Object.keys(added[0]!.families), replaced]).toEqual([["bottom", "middle"], []])
  })

  it("one by one is not swept away by WARN mode", () => {
    expect(ask({ id: "*", families: ["middle"] }, [held]).replaced).toEqual([])
  })
})

it("tells what still fails afterwards, and how to mend it", () => {
  const on = { risks: ask({}).added, records, now }
  expect(remainingFindings(["middle"], on)).toEqual([
    { family: "middle", gate: "scan", what: "CVE-2099-0002 in tzdata 2026b-0+deb12u1", fix: "take 2099a-0+deb12u1" },
  ])
})

describe("writing", () => {
  const read = (text: string) => parseRisks(text, fleet, now)

  it("makes a file that says what it is, and that is read again", () => {
    const { added } = ask({})
    const text = withProposal(undefined, [], { added, replaced: [] })
    expect(text).toMatch(
      /^# yaml-language-server: \$schema=\.\/schema\/risks\.schema\.json\n#\n|^# yaml-language-server/,
    )
    expect(read(text)).toEqual(added)
  })

  it("keeps comments and order, puts a renewal where the old entry stood, and takes families out of others", () => {
    const text = `# ours
schema: 1
risks:
  # about h11
  - id: CVE-2099-0001 # old
    package: h11
    families: { middle: "${contents}" }
    reason: old
    by: Bob
    accepted: 2026-11-01
    reviewBy: 2026-12-01
  # about time
  - id: CVE-2099-0002
    package: tzdata
    families:
      top: ${contents}
      middle: ${contents} # half
    reason: old
    by: Bob
    accepted: 2026-11-01
    reviewBy: 2026-12-01
`
    const risks = read(text)
    const renewed = withProposal(text, risks, ask({ renew: true }, risks))
    expect(read(renewed).map(({ id, by }) => [id, by])).toEqual([
      ["CVE-2099-0001", "Ada"],
      ["CVE-2099-0002", "Bob"],
    ])
    expect(renewed).toMatch(
      /^# ours\n[\s\S]*# about h11\n {2}- id: CVE-2099-0001\n[\s\S]*# about time\n[\s\S]*# half\n/,
    )
    const half = withProposal(text, risks, ask({ id: "CVE-2099-0002", families: ["top"], renew: true }, risks))
    expect(read(half).map(({ id, families }) => [id, Object.keys(families)])).toEqual([
      ["CVE-2099-0001", ["middle"]],
      ["CVE-2099-0002", ["middle"]],
      ["CVE-2099-0002", ["top"]],
    ])
  })

  it("turns an empty list into one that people can read", () => {
    expect(withProposal("schema: 1\nrisks: [] # none yet\n", [], ask({}))).toMatch(
      /risks:.*\n {2}- id: CVE-2099-0001\n/s,
    )
  })
})
