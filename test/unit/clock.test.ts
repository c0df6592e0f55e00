import { describe, expect, it } from "vitest"
import { clock, movedNote } from "../../cli/clock.ts"

const real = new Date("2026-11-22T12:00:00.000Z")

describe("FAIRLEAD_NOW", () => {
  it("is the machine's own time where it is not set", () => {
    expect(clock(real, undefined)).toEqual({ now: real, moved: false })
    expect(clock(real, "")).toEqual({ now: real, moved: false })
  })

  it.each([
    ["2027-02-21", "2027-02-21T12:00:00.000Z"],
    ["2027-02-21T00:00:00Z", "2027-02-21T00:00:00.000Z"],
    ["2026-11-22T13:30+01:00", "2026-11-22T12:30:00.000Z"],
  ])("moves it to %s", (wanted, at) => expect(clock(real, wanted)).toEqual({ now: new Date(at), moved: true }))

  it("may name today, which moves nothing", () => expect(clock(real, "2026-11-22").moved).toBe(false))

  it.each(["2026-11-21", "2026-11-22T11:59:59Z", "1999-01-01"])("never goes back, as to %s", (wanted) => {
    expect(() => clock(real, wanted)).toThrow(
      /^FAIRLEAD_NOW: ".*" is before now, 2026-11-22T12:00:00.000Z: on an earlier day/,
    )
  })

  it.each(["tomorrow", "2026-02-30", "2027-13-01T00:00:00Z", "2027-02-30T00:00:00Z", "2027-01-01T00:00:00", "90000"])(
    "refuses %s with exit code 2",
    (wanted) => {
      expect(() => clock(real, wanted)).toThrow(expect.objectContaining({ exitCode: 2 }))
      expect(() => clock(real, wanted)).toThrow(/is neither a day nor a time/)
    },
  )

  it("is told where it moved the clock, and only there", () => {
    expect(movedNote(clock(real, "2027-02-21"))).toBe("FAIRLEAD_NOW: told as on 2027-02-21, not as of today")
    expect(movedNote(clock(real, undefined))).toBeUndefined()
  })
})
