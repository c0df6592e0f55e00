import { describe, expect, it } from "vitest"
import { gates } from "../../../dagger/lib/gates/table.ts"
import { fail, type Judged } from "../../../dagger/lib/gates/verdict.ts"
import { withAcceptances } from "../../../dagger/lib/risks/accept.ts"
import { recordToday } from "../../../dagger/lib/risks/today.ts"
import { answer, contents, finding, h11, now, otherContents, record, risk, tzdata } from "./records.ts"

const on = { family: "top", contents, now }
const both = (): Judged => ({ ...fail({}, [finding(h11), finding(tzdata)]), brief: "1 critical, 1 high" })
const forTzdata = risk({ id: "CVE-2099-0002", package: "tzdata", reviewBy: "2027-01-10" })

describe("a gate that fails", () => {
  it("is ACCEPTED when every finding is, with how many and the next expiry", () => {
    const judged = withAcceptances(both(), [risk(), forTzdata], on)
    expect(judged).toMatchObject({ verdict: "ACCEPTED", findings: [], brief: "2 accepted, next expiry 2027-01-10" })
    expect(judged.accepted?.[0]).toEqual({
      what: "CVE-2099-0001 in h11 0.16.0",
      id: "CVE-2099-0001",
      package: "h11",
      reason: "nothing listens on it",
      by: "Ada <ada@example.org>",
      reviewBy: "2027-02-20",
      risk: h11,
    })
  })

  it("stays FAIL with what nobody accepted", () => {
    const judged = withAcceptances(both(), [risk()], on)
    expect(judged).toMatchObject({ verdict: "FAIL", brief: "1 critical, 1 high, 1 accepted" })
    expect(judged.findings).toEqual([finding(tzdata)])
  })

  it.each(["GHSA-aaaa-bbbb-cccc", "PYSEC-2099-1", "cve-2099-0001"])("takes %s for the same weakness", (id) => {
    expect(withAcceptances(fail({}, [finding(h11)]), [risk({ id })], on).verdict).toBe("ACCEPTED")
  })

  it("takes one Python name for another spelling of it, and no Debian one", () => {
    const python = { ...h11, package: "typing_extensions" }
    const debian = { ...tzdata, package: "lib-x" }
    expect(withAcceptances(fail({}, [finding(python)]), [risk({ package: "Typing.Extensions" })], on).verdict).toBe(
      "ACCEPTED",
    )
    expect(
      withAcceptances(fail({}, [finding(debian)]), [risk({ id: "CVE-2099-0002", package: "lib.x" })], on).verdict,
    ).toBe("FAIL")
  })

  it("holds on the last day, and fails on the next, saying who accepted it until when", () => {
    const last = new Date("2027-02-20T23:59:59Z")
    const next = new Date("2027-02-21T00:00:00Z")
    expect(withAcceptances(fail({}, [finding(h11)]), [risk()], { ...on, now: last }).verdict).toBe("ACCEPTED")
    const judged = withAcceptances(fail({}, [finding(h11)]), [risk()], { ...on, now: next })
    expect(judged.verdict).toBe("FAIL")
    expect(judged.findings[0]).toMatchObject({
      evidence: "risks.yaml: accepted by Ada <ada@example.org> until 2027-02-20: that has passed",
      fix: 'take 9.9.9; or accept it anew: fairlead risk accept CVE-2099-0001 --package h11 --family top --reason "…"',
    })
  })

  it("is not let pass for other packages, and says that an acceptance was for others", () => {
    const judged = withAcceptances(fail({}, [finding(h11)]), [risk({ families: { top: otherContents } })], on)
    expect(judged.verdict).toBe("FAIL")
    expect(judged.findings[0]?.evidence).toBe(
      "risks.yaml: accepted by Ada <ada@example.org> on 2026-11-22 until 2027-02-20, for other packages than top has now (sha256:dddddddddddd, not sha256:cccccccccccc)",
    )
  })

  it("is not let pass by what was accepted for another family or another package", () => {
    const judged = withAcceptances(fail({}, [finding(h11)]), [risk({ families: { middle: contents } })], on)
    expect([judged.verdict, judged.findings[0]?.evidence]).toEqual([
      "FAIL",
      "risks.yaml: accepted by Ada <ada@example.org> on 2026-11-22 for middle, not for top",
    ])
    expect(withAcceptances(fail({}, [finding(h11)]), [risk({ package: "anyio" })], on).findings).toEqual([finding(h11)])
  })

  it("quotes names for the shell in the command that it proposes", () => {
    const strange = { ...h11, package: "/srv/it's $(here)", kind: "other" as const }
    const past = risk({ package: strange.package, reviewBy: "2026-11-22" })
    const judged = withAcceptances(fail({}, [finding(strange)]), [past], { ...on, now: new Date("2026-11-23") })
    expect(judged.findings[0]?.fix).toContain(`--package '/srv/it'\\''s $(here)' --family top`)
  })

  it("cannot have accepted what is no weakness of a package", () => {
    const judged = withAcceptances(
      fail({}, [{ what: "user: image runs as root" }]),
      [risk({ id: "*", package: "*" })],
      on,
    )
    expect(judged.verdict).toBe("FAIL")
  })

  it("stays UNCHECKED behind its accepted findings where nobody could look at the rest", () => {
    const half: Judged = { ...fail({}, [finding(h11)]), otherwise: "UNCHECKED" }
    expect(withAcceptances(half, [risk()], on)).toMatchObject({
      verdict: "UNCHECKED",
      brief: "the rest unchecked, 1 accepted, next expiry 2027-02-20",
    })
  })
})

describe("WARN mode", () => {
  it("is an entry for everything, told as such", () => {
    const judged = withAcceptances(both(), [risk({ id: "*", package: "*" })], on)
    expect(judged.verdict).toBe("ACCEPTED")
    expect(judged.notes?.map(({ what }) => what)).toEqual([
      "WARN mode: risks.yaml lets every finding of top pass until 2027-02-20",
    ])
  })

  it("of another family is not told", () => {
    const elsewhere = risk({ id: "*", package: "*", families: { middle: contents } })
    expect(withAcceptances(fail({}, [finding(h11)]), [elsewhere], on).findings).toEqual([finding(h11)])
  })

  it("steps back behind an entry that names the weakness", () => {
    const judged = withAcceptances(fail({}, [finding(h11)]), [risk({ id: "*", package: "*", by: "All" }), risk()], on)
    expect([judged.accepted?.[0]?.by, judged.notes]).toEqual(["Ada <ada@example.org>", undefined])
  })
})

it.each(["ERROR", "UNCHECKED", "PASS"] as const)("%s is what it was, whatever is accepted", (verdict) => {
  const judged: Judged = { verdict, facts: {}, findings: [finding(h11)] }
  expect(withAcceptances(judged, [risk(), risk({ id: "*", package: "*" })], on)).toBe(judged)
})

describe("a record's ACCEPTED, today", () => {
  const every = Object.fromEntries(gates.map(({ name }) => [name, answer()]))
  const judged = withAcceptances(fail({}, [finding(h11)]), [risk()], on)
  const kept = record("top", { ...every, scan: { ...answer(), ...judged, seconds: 1 } })

  it("holds as long as the entry does", () => expect(recordToday(kept, [risk()], now)).toBe("ACCEPTED"))
  it("is FAIL once the day has passed", () => expect(recordToday(kept, [risk()], new Date("2027-02-21"))).toBe("FAIL"))
  it("is FAIL once the entry is gone", () => expect(recordToday(kept, [], now)).toBe("FAIL"))
  it("is UNCHECKED without an answer of every gate", () => {
    expect(recordToday(record("top", {}), [], now)).toBe("UNCHECKED")
    const { smoke: _, ...others } = every
    expect(recordToday(record("top", others), [], now)).toBe("UNCHECKED")
    expect(recordToday(record("top", every), [], now)).toBe("PASS")
  })
})
