import { createHash } from "node:crypto"
import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { exitCodeOfHistory, historyDocument, historyText } from "../../../dagger/lib/report/rollout-history.ts"
import { entryLine, entryOf, type NewEntry } from "../../../dagger/lib/rollout/history/entry.ts"
import { readHistory, runsOf } from "../../../dagger/lib/rollout/history/history.ts"
import { shownBy } from "../../../dagger/lib/rollout/history/shown.ts"
import { image } from "./looks.ts"

const entry = (more: Partial<NewEntry> = {}): NewEntry => ({
  ...{ schema: 1, run: "0a0a0a", verb: "deploy", phase: "ended", by: "anna@laptop", at: "2026-11-22T10:00:00Z" },
  ...{ tag: "20261122-abc1234", verdict: "PASS" },
  changed: [{ service: "FirstService", from: image("a"), to: image("b") }],
  ...more,
})

/** A history as a host hands it out. */
function chain(entries: readonly NewEntry[], before = "0".repeat(64)) {
  let hash = before
  return entries.map((each) => {
    const json = entryLine(each)
    hash = createHash("sha256").update(`${hash} ${json}`).digest("hex")
    return { hash, json }
  })
}

const began = { phase: "began" as const, verdict: undefined, at: "2026-11-22T09:59:00Z" }
const deployed = [entry(began), entry()]

describe("an entry", () => {
  it("is one line without anything that steers a terminal, whatever it is told", () => {
    const line = entryLine(entry({ reason: "a\nb \u001b[31mred\u0007", notes: ["x".repeat(2000)] }))
    expect(line).not.toMatch(/\n/)
    expect(JSON.parse(line)).toMatchObject({ reason: "a b red", notes: [expect.stringMatching(/^x{999}…$/)] })
  })

  it("fits in a host's line, and says how many services it left out", () => {
    const changed = Array.from({ length: 5000 }, (_, index) => ({ service: `Service${index}`, to: image("b") }))
    const kept = entryOf(entry({ changed }))
    expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThanOrEqual(64 * 1024)
    expect(kept.notes.at(-1)).toBe(`and ${5000 - kept.changed.length} more services`)
  })

  it("is refused where it is none", () => {
    for (const wrong of [{ run: "../x" }, { at: "yesterday" }, { verb: "destroy" as "deploy" }])
      expect(() => entryLine(entry(wrong))).toThrow()
  })
})

describe("a host's history", () => {
  it("is read whole, with its head", () => {
    const records = chain(deployed)
    expect(readHistory("two", { records })).toMatchObject({ lines: 2, head: records[1]!.hash, wrong: [] })
  })

  it("tells which line was changed, and what is no entry", () => {
    const records = [...chain(deployed), { hash: "f".repeat(64), json: '{"schema":1}' }]
    expect(readHistory("two", { records, brokenAt: 3 }).wrong).toEqual([
      "line 3 was changed, or one before it was removed",
      "line 3 is no entry",
    ])
  })

  it("tells that its end was cut off, or all of it written anew, by how far it was read before", () => {
    const records = chain([...deployed, entry({ run: "0b0b0b" })])
    const known = { lines: 3, hash: records[2]!.hash }
    expect(readHistory("two", { records }, known).wrong).toEqual([])
    expect(readHistory("two", { records: records.slice(0, 2) }, known).wrong).toEqual([
      expect.stringMatching(/3 lines that were last read here are not in it any more/),
    ])
    expect(readHistory("two", { records: [] }, known).wrong).toHaveLength(1)
    const anew = chain([entry({ by: "mallory@x" }), entry(), entry()])
    expect(readHistory("two", { records: anew }, known).wrong).toHaveLength(1)
  })

  it("does not take what is too old to be handed out for cut off", () => {
    const later = chain([entry({ run: "0c0c0c" })], "e".repeat(64))
    expect(readHistory("two", { records: later }, { lines: 40, hash: "d".repeat(64) }).wrong).toEqual([])
  })
})

describe("runs", () => {
  const host = (name: string, ...entries: NewEntry[]) => readHistory(name, { records: chain(entries) })

  it("are merged over hosts, the newest first, by the worst of them", () => {
    const failed = entry({ run: "0b0b0b", at: "2026-11-22T11:00:00Z", verdict: "FAIL", rolledBack: true })
    const runs = runsOf([host("one", ...deployed, failed), host("two", ...deployed, { ...failed, verdict: "PASS" })])
    expect(runs.map(({ run, verdict, unfinished, at }) => [run, verdict, unfinished, at])).toEqual([
      ["0b0b0b", "FAIL", false, "2026-11-22T11:00:00Z"],
      ["0a0a0a", "PASS", false, "2026-11-22T09:59:00Z"],
    ])
    expect(runs[0]?.hosts.map(({ host }) => host)).toEqual(["one", "two"])
  })

  it("have no end where a host was never told of one", () => {
    const [run] = runsOf([host("one", ...deployed), host("two", deployed[0]!)])
    expect(run).toMatchObject({ unfinished: true, verdict: "PASS" })
    const text = historyText(historyDocument("demo", [host("one", ...deployed), host("two", deployed[0]!)], [run!]))
    expect(text).toMatch(/deploy .* anna@laptop .* one 1, two 1 .* not ended everywhere \(ok\)/)
  })

  it("are told with who wrote in a history, exit code 1, and with hosts that could not be asked, exit code 3", () => {
    const bad = readHistory("two", { records: chain(deployed), brokenAt: 2 })
    const document = historyDocument("demo", [host("one", ...deployed), bad], runsOf([bad]))
    expect([exitCodeOfHistory(document), document.sound]).toEqual([1, false])
    expect(historyText(document)).toMatch(/two +somebody wrote in its history: line 2/)
    const away = historyDocument("demo", [host("one", ...deployed), { host: "two", problem: "nobody answers" }], [])
    expect([exitCodeOfHistory(away), away.sound]).toEqual([3, false])
    const valid = new Ajv({ strict: false }).compile(documentSchema("history"))
    expect([valid(document), valid(away), valid.errors]).toEqual([true, true, null])
  })
})

describe("what a history shows", () => {
  const shown = (...entries: NewEntry[]) => shownBy(readHistory("two", { records: chain(entries) }))
  const hosts = (entries: readonly { host: string }[]) => entries.map(({ host }) => host)

  it("is that a host went back, by hand or after a failure, and was healthy", () => {
    expect(hosts(shown(entry({ verb: "rollback" })).rolledBack)).toEqual(["two"])
    expect(hosts(shown(entry({ verdict: "FAIL", rolledBack: true })).rolledBack)).toEqual(["two"])
    expect(shown(entry()).rolledBack).toEqual([])
    expect(shown(entry({ verb: "rollback", verdict: "ERROR" })).rolledBack).toEqual([])
    const first = entry({ verdict: "FAIL", rolledBack: true, changed: [{ service: "FirstService", to: image("b") }] })
    expect(shown(first).rolledBack).toEqual([])
  })

  it("is that a pin held, once a deploy at its tag ended well", () => {
    const pin = entry({ verb: "pin", tag: "20261120-9d1c2aa", changed: [] })
    const held = entry({ tag: "20261120-9d1c2aa" })
    expect(shown(pin).pinned).toEqual([])
    expect(hosts(shown(pin, held).pinned)).toEqual(["two"])
    expect(shown(pin, entry()).pinned).toEqual([])
    expect(shown(pin, entry({ verb: "unpin" }), held).pinned).toEqual([])
  })

  it("is nothing where somebody wrote in it", () => {
    const bad = readHistory("two", { records: chain([entry({ verb: "rollback" })]), brokenAt: 1 })
    expect(shownBy(bad)).toEqual({ rolledBack: [], pinned: [], heads: {} })
  })
})
