import { describe, expect, it } from "vitest"
import {
  evidenceOf,
  learnt,
  nothingLearnt,
  operationsSchema,
  type RolledOut,
} from "../../../dagger/lib/phases/operations.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import { newsOf, rolledOutOf } from "../../../dagger/lib/rollout/status/news.ts"
import { readReports, receiverUrl } from "../../../dagger/lib/rollout/status/reports.ts"
import { statusOf } from "../../../dagger/lib/rollout/status/status.ts"
import { container, digestOf, fleet, image, look } from "../rollout/looks.ts"

const at = "2026-11-22T10:00:00Z"
const out = (more: Partial<RolledOut> = {}): RolledOut => ({
  ...{ service: "FirstService", host: "two", image: "stand-in-p", digest: digestOf("a"), standIn: true, at },
  ...more,
})

describe("what is kept of a yard", () => {
  const nothing = nothingLearnt("small", "demo")

  it("is the newest of each service on each host, whatever came first", () => {
    const later = out({ digest: digestOf("b"), at: "2026-11-23T00:00:00Z" })
    const other = out({ host: "one" })
    const known = learnt(learnt(nothing, { rolledOut: [later, other] }), { rolledOut: [out()] })
    expect(known.rolledOut.map(({ host, digest }) => [host, digest[7]]).sort()).toEqual([
      ["one", "a"],
      ["two", "b"],
    ])
    expect(learnt(nothing, { rolledOut: [out(), out({ digest: digestOf("c") })] }).rolledOut).toEqual([
      out({ digest: digestOf("c") }),
    ])
  })

  it("is added to, never lost by a verb that has nothing to say of it", () => {
    const known = learnt(nothing, { rolledOut: [out()], heads: { two: { lines: 2, hash: "a".repeat(64) } } })
    expect(learnt(known, { heads: { one: { lines: 1, hash: "b".repeat(64) } } })).toEqual({
      ...known,
      heads: { two: { lines: 2, hash: "a".repeat(64) }, one: { lines: 1, hash: "b".repeat(64) } },
    })
    expect(operationsSchema.parse(JSON.parse(JSON.stringify(known)))).toEqual(known)
  })

  it("proves nothing of a real yard by a stand-in", () => {
    const news = { rolledOut: [out(), out({ host: "one", standIn: false })] }
    expect(evidenceOf(learnt(nothing, news)).rolledOut).toHaveLength(2)
    expect(evidenceOf(learnt(nothingLearnt("small", "fleet.yaml"), news)).rolledOut).toEqual([news.rolledOut[1]])
  })
})

describe("what a look at hosts shows", () => {
  const record = { digest: digestOf("a"), revision: "abc1234def", packages: 3 } as ImageRecord
  const report = {
    time: at,
    host: "two",
    service: "FirstService",
    image: image("a"),
    git_sha: "abc1234def",
    sbom: { packages: 4 },
  }
  const status = statusOf(look(), { fleet, today: "2026-11-22" })
  const news = (reports: object[], records = { "stand-in-p": record }) =>
    newsOf([status], { fleet, reports: reports as (typeof report)[], records, at })

  it("is who is healthy with what a run brought", () => {
    const healthy = news([]).rolledOut
    expect(healthy.map(({ service, digest, run }) => [service, digest, run])).toEqual([
      ["FirstService", digestOf("a"), "0a0a0a"],
      ["SecondService", digestOf("a"), "0a0a0a"],
    ])
    const ill = look({
      containers: [container("first_service", { health: "starting" }), container("second_service", { run: undefined })],
    })
    expect(
      newsOf([statusOf(ill, { fleet, today: "2026-11-22" })], { fleet, reports: [], records: {}, at }).rolledOut,
    ).toEqual([])
  })

  it("is who reported the image, the commit and the SBOM of what runs", () => {
    expect(news([report]).reported.map(({ service, host }) => [service, host])).toEqual([["FirstService", "two"]])
  })

  it.each([
    ["another image", { image: image("b") }],
    ["another commit", { git_sha: "fff" }],
    ["no commit", { git_sha: null }],
    ["no SBOM", { sbom: null }],
    ["a shorter SBOM", { sbom: { packages: 2 } }],
    ["another host", { host: "one" }],
    ["a host that nobody knows, of two that have it", { host: null }],
  ])("is not proved by a report with %s", (_, more) => expect(news([{ ...report, ...more }]).reported).toEqual([]))

  it("goes by the last report of a service", () => {
    expect(news([report, { ...report, image: image("b") }]).reported).toEqual([])
  })

  it("knows an image by its name and digest, and a stand-in by either", () => {
    const brought = { host: "two", service: "FirstService", image: image("a"), tag: "t", run: "0a0a0a" }
    expect(rolledOutOf(fleet, brought, at)).toEqual({ ...out(), tag: "t", run: "0a0a0a" })
    expect(rolledOutOf(fleet, { ...brought, image: "small/stand-in-p:current" }, at)).toBeUndefined()
    expect(rolledOutOf(fleet, { ...brought, service: "constructor" }, at)).toBeUndefined()
  })
})

describe("a receiver's reports", () => {
  const line = JSON.stringify({
    time: at,
    host: null,
    service: "FirstService",
    image: image("a"),
    git_sha: null,
    sbom: null,
  })

  it("are a document per line, and anything else is no list of reports", () => {
    expect(readReports(`${line}\n${line}\n`)).toHaveLength(2)
    expect(readReports("")).toEqual([])
    for (const wrong of ["<html>", "[]", `${line}\n{`, line.replace("FirstService", "\\u001b[31m")])
      expect(readReports(wrong)).toBeUndefined()
  })

  it("are asked for where the receiver runs, by its host's address", () => {
    expect(receiverUrl(fleet)).toBe("http://192.0.2.1:9007/")
  })
})
