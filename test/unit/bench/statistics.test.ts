import { describe, expect, it } from "vitest"
import { covered, rotated, summary } from "../../../bench/statistics.ts"

describe("several rounds of the same thing", () => {
  it("are the fastest and the one in the middle", () => {
    expect(summary([3, 1, 10])).toEqual({ rounds: 3, min: 1, median: 3 })
    expect(summary([4])).toEqual({ rounds: 1, min: 4, median: 4 })
  })

  it("have a median between the two in the middle where their number is even", () => {
    expect(summary([10, 1, 2, 4]).median).toBe(3)
  })

  it("sort numbers as numbers", () => {
    expect(summary([100, 9, 20]).median).toBe(20)
  })

  it("cannot be summed up when there are none", () => {
    expect(() => summary([])).toThrow("nothing was measured")
  })
})

describe("the time in which something ran", () => {
  it("counts what ran side by side once", () => {
    const gates = [
      { from: 4, to: 6 },
      { from: 0, to: 3 },
      { from: 1, to: 2 },
      { from: 2.5, to: 3.5 },
    ]
    expect(covered(gates)).toBe(5.5)
  })

  it("is nothing when nothing ran", () => expect(covered([])).toBe(0))
})

it("lets each competitor begin equally often", () => {
  const order = [0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""))
  expect(order).toEqual(["abc", "bca", "cab", "abc"])
})
