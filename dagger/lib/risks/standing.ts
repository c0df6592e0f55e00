import { z } from "zod"
import type { ImageRecord } from "../release/record.ts"
import { hasPassed } from "./accept.ts"
import { dayOf, daysBetween } from "./day.ts"
import { isAbout } from "./match.ts"
import { isWarnMode, type Risk, riskName, riskSchema, risksFileName } from "./risk.ts"
import { shownRisks, unseen } from "./shown.ts"

const standingSchema = z.enum(["in force", "passed", "for other packages", "unused", "unchecked"])

/**
 * How an entry stands for one family: "unchecked" where its newest record is missing or a gate could not look, so that
 * nobody can tell whether the entry is used.
 */
export type Standing = z.infer<typeof standingSchema>

export const standingRiskSchema = riskSchema.extend({
  families: z.array(z.object({ family: z.string(), contents: z.string(), state: standingSchema })),
  state: standingSchema.describe("The worst of its families'."),
  daysLeft: z.number().describe("Until the last day on which it holds; negative when that has passed."),
})

/** An entry with how it stands today. */
export type StandingRisk = z.infer<typeof standingRiskSchema>

/** The newest records by family; a family without one is left out. */
export type NewestRecords = Readonly<Record<string, ImageRecord | undefined>>

/** How an entry stands for one of its families, by that family's newest record. */
export function standingFor(risk: Risk, family: string, record: ImageRecord | undefined, now: Date): Standing {
  const passed = hasPassed(risk, now)
  const shown = record && shownRisks(record).some((each) => each.state !== "noted" && isAbout(risk, each.risk))
  if (record && !shown && unseen(record) === undefined) return "unused"
  if (passed) return "passed"
  if (!record) return "unchecked"
  if (risk.families[family] !== record.contents) return "for other packages"
  return shown ? "in force" : "unchecked"
}

export const standingRisks = (risks: readonly Risk[], records: NewestRecords, now: Date): StandingRisk[] =>
  risks.map((risk) => {
    const families = Object.entries(risk.families).map(([family, contents]) => ({
      family,
      contents,
      state: standingFor(risk, family, records[family], now),
    }))
    const state = worstFirst.find((each) => families.some((family) => family.state === each)) ?? "unchecked"
    return { ...risk, families, state, daysLeft: daysBetween(dayOf(now), risk.reviewBy) }
  })

// What somebody has to do something about comes first; an entry is unused only as a whole.
const worstFirst: readonly Standing[] = ["passed", "for other packages", "unchecked", "in force", "unused"]

/** An entry, and those of its families whose newest image shows nothing that it is about. */
export interface UnusedRisk {
  risk: Risk
  families: string[]
}

/** Entries that nothing of the fleet uses, wholly or for some families. What nobody looked at is not told as unused. */
export const unusedRisks = (risks: readonly Risk[], records: NewestRecords, now: Date): UnusedRisk[] =>
  risks.flatMap((risk) => {
    const families = Object.keys(risk.families).filter(
      (family) => standingFor(risk, family, records[family], now) === "unused",
    )
    return families.length > 0 ? [{ risk, families }] : []
  })

const soonDays = 14

/** What whoever ships should know about risks.yaml, a line each: what nobody uses, what has passed, what soon will. */
export function riskNotes(risks: readonly Risk[], records: NewestRecords, now: Date): string[] {
  const say = (risk: Risk, text: string) => `${risksFileName}: ${riskName(risk)} ${text}`
  const unused = new Map(unusedRisks(risks, records, now).map(({ risk, families }) => [risk, families]))
  return risks.flatMap((risk) => {
    const without = unused.get(risk) ?? []
    const all = Object.keys(risk.families)
    if (without.length === all.length) return [say(risk, "is used by nobody: remove it")]
    const lines = without.length > 0 ? [say(risk, `is not used by ${without.join(", ")}: take it out there`)] : []
    const days = daysBetween(dayOf(now), risk.reviewBy)
    if (days < 0) lines.push(say(risk, `has passed on ${risk.reviewBy}: mend it, or accept it anew`))
    else if (days <= soonDays)
      lines.push(say(risk, `holds until ${risk.reviewBy}, ${days} more day${days === 1 ? "" : "s"}`))
    const moved = all.filter((family) => standingFor(risk, family, records[family], now) === "for other packages")
    if (moved.length > 0) lines.push(say(risk, `was accepted for other packages than ${moved.join(", ")} has now`))
    if (isWarnMode(risk)) lines.push(say(risk, `is WARN mode: whatever is found there passes`))
    return lines
  })
}
