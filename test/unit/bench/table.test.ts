import { describe, expect, it } from "vitest"
import { markdownTable, megabytes, ratio, seconds } from "../../../bench/table.ts"

describe("a table of figures", () => {
  it("lines its columns up, names to the left and figures to the right", () => {
    expect(
      markdownTable(
        ["", "median"],
        [
          ["loop", "12.4 s"],
          ["a|b", "3 s"],
        ],
      ),
    ).toBe(["|      | median |", "|------|-------:|", "| loop | 12.4 s |", "| a\\|b |    3 s |"].join("\n"))
  })

  it("leaves cells empty that a row does not have", () => {
    expect(
      markdownTable(["a", "b"], [["x"]])
        .split("\n")
        .at(-1),
    ).toBe("| x   |     |")
  })

  it("writes three digits that matter", () => {
    expect([0.0421, 0.8, 1.234, 12.35, 318.4].map(seconds)).toEqual(["0.042 s", "0.800 s", "1.23 s", "12.3 s", "318 s"])
    expect([0, 12_345, 1_234_567, 123_456_789].map(megabytes)).toEqual(["0.00 MB", "0.01 MB", "1.2 MB", "123 MB"])
  })

  it("has no ratio to something that took no time", () => {
    expect(ratio(1, 4)).toBe("0.25")
    expect(ratio(1, 0)).toBe("–")
  })
})
