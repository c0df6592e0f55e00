import { type BuildCase, imagesIn, leafAlone } from "./builds.ts"
import { CheckedLoop } from "./checked.ts"
import type { Results } from "./page.ts"
import { summary } from "./statistics.ts"
import { megabytes, seconds } from "./table.ts"

/** What Fairlead wants to be, against what this run measured; goals whose case was not run are left out. */
export function goalRows({ builds, plans }: Pick<Results, "builds" | "plans">): string[][] {
  const median = (which: BuildCase, who: string, of: "seconds" | "requests" = "seconds"): number | undefined => {
    const values = builds.filter((each) => each.case === which && each.who === who).map((each) => each[of])
    return values.length > 0 ? summary(values).median : undefined
  }
  const against = (goal: string, which: BuildCase, who: string, most: number): string[][] => {
    const [mine, theirs] = [median(which, "Fairlead"), median(which, who)]
    if (mine === undefined || theirs === undefined) return []
    return [[goal, `≤ ${most}`, (mine / theirs).toFixed(2), held(mine / theirs <= most)]]
  }
  const requests = (goal: string, which: BuildCase): string[][] => {
    const asked = median(which, "Fairlead", "requests")
    if (asked === undefined) return []
    const each = asked / imagesIn(which)
    return [[`${goal}, requests for each image`, "≤ 1", each.toFixed(1), held(each <= 1)]]
  }
  const unchanged = (["whole-again", "whole-nothing", "again", "nothing"] as const).map((which) => {
    const what = which.endsWith("again") ? "the same commit again" : "a commit that changes no image"
    return [which, `${what}, ${imagesIn(which)} images`] as const
  })
  return [
    ...unchanged.flatMap(([which, goal]) => against(`${goal}, of bake`, which, "bake", 0.2)),
    ...unchanged.flatMap(([which, goal]) => requests(goal, which)),
    ...against("one leaf changed, of Fairlead with that leaf alone", "leaf", leafAlone.fairlead, 1.15),
    ...against("one leaf changed, of buildx with that leaf alone", "leaf", leafAlone.buildx, 1.15),
    ...against("cold, of the loop with checks", "cold", CheckedLoop.title, 0.8),
    ...against("cold, of the loop", "cold", "loop", 0.8),
    ...against("cold, of bake", "cold", "bake", 1.05),
    ...against("fresh runner with one leaf changed, of the loop with checks", "fresh", CheckedLoop.title, 0.5),
    ...against("fresh runner with one leaf changed, of the loop", "fresh", "loop", 0.5),
    ...planRows(plans),
  ]
}

const held = (is: boolean): string => (is ? "yes" : "no")

function planRows(plans: Results["plans"]): string[][] {
  const largest = Math.max(...plans.map((each) => each.families))
  // The slower of both: nothing known, and everything.
  const worst = (families: number, of: "seconds" | "memory"): number =>
    Math.max(
      ...[true, false].map((records) => {
        const those = plans.filter(
          (each) => each.what === "thinking" && each.families === families && each.records === records,
        )
        return summary(those.map((each) => each[of])).median
      }),
    )
  if (largest < 1000) return []
  const before = Math.max(...plans.map((each) => each.families).filter((families) => families < largest))
  const [time, memory] = [worst(largest, "seconds"), worst(largest, "memory")]
  return [
    [`planning ${largest} families`, "≤ 1 s", seconds(time), held(time <= 1)],
    ...(before > 0 ? [growthRow(largest, before, worst(largest, "seconds"), worst(before, "seconds"))] : []),
    [`planning ${largest} families, peak memory`, "≤ 300 MB", megabytes(memory), held(memory <= 300e6)],
  ]
}

/** Linear: what a family takes is no more among many than among few. */
function growthRow(many: number, few: number, ofMany: number, ofFew: number): string[] {
  const growth = ofMany / many / (ofFew / few)
  return [`planning, a family among ${many} of one among ${few}`, "≤ 1.1", growth.toFixed(2), held(growth <= 1.1)]
}
