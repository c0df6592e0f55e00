import { describe, expect, it } from "vitest"
import { pinText } from "../../../dagger/lib/report/pin.ts"
import { isPast, pinOf } from "../../../dagger/lib/rollout/pin/pin.ts"

const on = { by: "anna@laptop", now: new Date("2026-11-22T10:00:00Z") }
const tag = "20261120-9d1c2aa"
const reason = "the new tokenizer is slow"

describe("a pin", () => {
  it("says who holds what, why and until when", () => {
    expect(pinOf({ tag, reason: ` ${reason} `, until: "2026-11-22" }, on)).toEqual({
      ...{ tag, reason, by: "anna@laptop", at: "2026-11-22T10:00:00.000Z", until: "2026-11-22" },
    })
    expect(pinOf({ tag, reason }, on)).not.toHaveProperty("until")
  })

  it.each([
    "$(id)",
    "-rf",
    "a b",
    "a\nb",
    "../x",
    "a/b",
    "x:y",
    "",
    "`id`",
    "x".repeat(129),
    "ä",
    "current",
    "current-prev",
  ])("refuses the tag %j", (hostile) => expect(() => pinOf({ tag: hostile, reason }, on)).toThrow(/TAG: /))

  it.each(["", "  ", "a\nb", "\u001b[31mred", "x".repeat(301)])("refuses the reason %j", (hostile) =>
    expect(() => pinOf({ tag, reason: hostile }, on)).toThrow(/--reason: /),
  )

  it.each(["2026-11-21", "2026-02-30", "tomorrow", "2026-11-22T10:00:00Z", "-1"])("refuses the last day %j", (until) =>
    expect(() => pinOf({ tag, reason, until }, on)).toThrow(/--until: /),
  )

  it("answers exit code 2 for all of that", () => {
    expect(() => pinOf({ tag: "-x", reason }, on)).toThrow(expect.objectContaining({ exitCode: 2 }))
  })

  it("holds on its last day, and no more on the next", () => {
    expect(["2026-11-21", "2026-11-22", "2026-11-23"].map((day) => isPast({ until: "2026-11-22" }, day))).toEqual([
      ...[false, false, true],
    ])
    expect(isPast({}, "2099-01-01")).toBe(false)
  })

  it("is told with what it takes the place of, and that nothing was restarted", () => {
    const pin = pinOf({ tag, reason }, on)
    const before = { ...pin, tag: "20261119-0000000" }
    const images = [{ image: "reference-web", digest: "sha256:0" }]
    const text = pinText({ schema: 1, yard: "demo", run: "0a0a0a", hosts: [{ host: "two", pin, before }], images })
    expect(text).toMatch(/two +held at 20261120-9d1c2aa, was 20261119-0000000/)
    expect(text).toMatch(/nothing was restarted; `fairlead deploy` applies it/)
    const none = pinText({ schema: 1, yard: "demo", hosts: [{ host: "two", pin: null, before: null }], images: [] })
    expect(none).toMatch(/was not pinned/)
    expect(none).not.toMatch(/deploy/)
  })
})
