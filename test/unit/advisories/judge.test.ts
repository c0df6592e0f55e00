import { describe, expect, it } from "vitest"
import type { FoundDatabase, ProbeAnswer } from "../../../dagger/lib/advisories/answer.ts"
import type { AdvisoriesChoice } from "../../../dagger/lib/advisories/choice.ts"
import { judgeAdvisories } from "../../../dagger/lib/advisories/judge.ts"

const rules = { maxAgeDays: 7, now: new Date("2026-11-22T12:00:00Z") }
const ref = "ghcr.io/aquasecurity/trivy-db:2"
const online = (by?: string): AdvisoriesChoice => ({
  source: "online",
  database: { refs: [ref], by },
  python: { service: "pypi", url: "https://pypi.org/pypi", by },
})
const database: FoundDatabase = {
  digest: `sha256:${"1".repeat(64)}`,
  updatedAt: "2026-11-22T06:00:00Z",
  fetchedAt: "2026-11-22T07:00:00Z",
  from: ref,
  covers: ["debian 12", "pip"],
}
const gone = { ref, absent: true, why: "ghcr.io: Name or service not known" }
const refused = { ref, absent: false, why: "toomanyrequests" }
const answer = (changes: Partial<NonNullable<ProbeAnswer["database"]>> = {}): ProbeAnswer => ({
  schema: 1,
  database: { found: null, kept: null, tried: [], discarded: [], ...changes },
  python: { answers: true, absent: false, why: "" },
})
const judged = (changes: Parameters<typeof answer>[0], by?: string) =>
  judgeAdvisories(online(by), answer(changes), rules).database

describe("the database", () => {
  it("is ready when it was found and is young enough", () => {
    expect(judged({ found: database })).toEqual({
      state: "ready",
      digest: database.digest,
      updatedAt: database.updatedAt,
      from: ref,
      covers: database.covers,
    })
  })

  it("is none where nobody wrote a source down and nobody is there", () => {
    expect(judged({ tried: [gone] })).toMatchObject({ state: "none", why: expect.stringContaining("Name or service") })
  })

  it("is broken where somebody wrote it down, and where somebody is there and does not deliver", () => {
    expect(judged({ tried: [gone] }, "fleet.yaml: policy.advisories.database").state).toBe("broken")
    expect(judged({ tried: [gone, refused] })).toMatchObject({
      state: "broken",
      why: expect.stringContaining("toomany"),
    })
  })

  it("is broken where the kept one was damaged and no other can be had", () => {
    expect(judged({ tried: [gone], discarded: ["sha256:1111… had a changed trivy.db"] })).toMatchObject({
      state: "broken",
      why: expect.stringContaining("changed trivy.db"),
    })
  })

  it("may be one that is kept, as long as the policy allows its age, and says since when", () => {
    const kept = { ...database, updatedAt: "2026-11-18T00:00:00Z", fetchedAt: "2026-11-18T07:00:00Z" }
    expect(judged({ kept, tried: [gone] })).toMatchObject({ state: "ready", from: `${ref}, kept from 2026-11-18` })
    expect(judged({ kept: { ...kept, updatedAt: "2026-11-10T00:00:00Z" }, tried: [gone] })).toMatchObject({
      state: "broken",
      why: expect.stringMatching(/12 days old, policy allows 7/),
    })
  })

  it("is broken when it is older than the policy allows, with date, age and limit", () => {
    expect(judged({ found: { ...database, updatedAt: "2024-10-10T00:00:00Z" } })).toMatchObject({
      state: "broken",
      why: `${ref}: database is from 2024-10-10, 773 days old, policy allows 7`,
      fix: expect.stringContaining("policy.advisories.maxAgeDays"),
    })
  })

  it("is broken when it comes from the future, but for a day of time zones and clocks", () => {
    expect(judged({ found: { ...database, updatedAt: "2026-11-23T06:00:00Z" } }).state).toBe("ready")
    expect(judged({ found: { ...database, updatedAt: "2026-11-24T06:00:00Z" } })).toMatchObject({
      state: "broken",
      why: expect.stringContaining("yet to come"),
    })
  })

  it("is broken when it knows nothing about one kind of package: Trivy would find nothing and not say so", () => {
    expect(judged({ found: { ...database, covers: ["pip"] } })).toMatchObject({
      state: "broken",
      why: expect.stringContaining("no advisory for Debian packages"),
    })
    expect(judged({ found: { ...database, covers: [] } }).state).toBe("broken")
  })

  it("cannot steer a terminal with what a registry said", () => {
    const { why } = judged({ tried: [{ ...refused, why: "\u001b]0;owned\u0007no\u001b[31m\nluck" }] }) as {
      why: string
    }
    expect(why).toBe(`${ref}: no luck`)
  })
})

describe("the Python service", () => {
  const python = (changes: Partial<NonNullable<ProbeAnswer["python"]>>, by?: string) =>
    judgeAdvisories(online(by), { ...answer(), python: { answers: false, absent: false, why: "", ...changes } }, rules)
      .python

  it("is ready when it knows what everybody knows", () => {
    expect(python({ answers: true })).toEqual({ state: "ready", service: "pypi", from: "pypi.org" })
  })

  it("is none by default where it knows nothing, and broken where it was written down", () => {
    const why = "it knows no vulnerability of requests 2.19.0"
    expect(python({ why })).toMatchObject({ state: "none", why: expect.stringContaining(why) })
    expect(python({ why }, "--advisories")).toMatchObject({ state: "broken", why: expect.stringContaining(why) })
  })
})

describe("a folder", () => {
  const folder: AdvisoriesChoice = { source: "folder", path: "advisories", by: "--advisories" }
  const of = (found: object) => judgeAdvisories(folder, { schema: 1, folder: found } as ProbeAnswer, rules)

  it("serves both gates", () => {
    const { digest, updatedAt } = database
    expect(of({ found: { ...database, covers: ["pip"] }, discarded: [] })).toEqual({
      database: { state: "ready", digest, updatedAt, from: "folder advisories", covers: ["pip"] },
      python: { state: "ready", service: "folder", from: "folder advisories", digest, updatedAt },
    })
  })

  it("fails both where it cannot be read or is too old", () => {
    for (const found of [
      { wrong: "a.json: unexpected end of JSON input", discarded: [] },
      { found: { ...database, updatedAt: "2024-10-10T00:00:00Z" }, discarded: [] },
    ]) {
      expect(of(found)).toMatchObject({ database: { state: "broken" }, python: { state: "broken" } })
    }
  })
})

describe("nobody", () => {
  it("looks where that was chosen, and it is said who chose it", () => {
    const { database, python } = judgeAdvisories({ source: "none", by: "FAIRLEAD_ADVISORIES" }, { schema: 1 }, rules)
    expect(database).toMatchObject({ state: "none", why: expect.stringContaining("FAIRLEAD_ADVISORIES") })
    expect(python).toEqual(database)
  })
})
