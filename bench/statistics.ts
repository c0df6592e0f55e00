/** What several rounds of the same thing took. */
export interface Summary {
  rounds: number
  min: number
  median: number
}

export function summary(values: readonly number[]): Summary {
  if (values.length === 0) throw new Error("nothing was measured, so there is nothing to sum up")
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median = Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
  return { rounds: sorted.length, min: sorted[0]!, median }
}

/** From when to when something went on. */
export interface Interval {
  from: number
  to: number
}

/** How long at least one of them went on: what runs side by side counts once. */
export function covered(intervals: readonly Interval[]): number {
  let sum = 0
  let end = Number.NEGATIVE_INFINITY
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    sum += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return sum
}

/** The competitors in another order each round, each first as often as the others: what drifts hits all alike. */
export const rotated = <T>(all: readonly T[], round: number): T[] =>
  all.map((_, index) => all[(index + round) % all.length]!)
