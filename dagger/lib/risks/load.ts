import { refuse, schemaComplaints } from "../fleet/complaints.ts"
import { readText } from "../fleet/file.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed } from "../fleet/hierarchy.ts"
import type { Complaint } from "../fleet/rules/rule.ts"
import { sentence } from "../fleet/sentence.ts"
import { shown } from "../fleet/shown.ts"
import { readYaml } from "../fleet/yaml.ts"
import { wrongInput } from "../problem.ts"
import { dayOf, daysBetween, isDay, plusDays } from "./day.ts"
import { type Risk, riskName, risksFileName, risksFileSchema } from "./risk.ts"

const hints = {
  begin: "begin with `schema: 1` and `risks: []`, or remove the file; docs/risks.md shows one",
  tooLarge: "thousands of acceptances fit into that; look what else got into the file",
}

/**
 * The accepted risks of a repository; none where it has no risks.yaml. A file that is wrong is refused (exit code 2): it
 * never counts as "no risks". `today` is the machine's own day, also where the clock was moved: an acceptance of the
 * future must not come to hold by moving it.
 */
export async function loadRisks(root: string, fleet: Fleet, today = new Date()): Promise<Risk[]> {
  const text = await readText(root, risksFileName)
  return text === undefined ? [] : parseRisks(text, fleet, today)
}

/** Reads risks from the text of risks.yaml. Throws Problems (exit code 2) that list all that is wrong with it. */
export function parseRisks(text: string, fleet: Fleet, today: Date, fileName = risksFileName): Risk[] {
  const file = readYaml(text, fileName, hints)
  const whole = risksFileSchema.safeParse(file.data, { error: sentence })
  const complaints = whole.success
    ? wrongWith(whole.data.risks, fleet, today)
    : schemaComplaints(risksFileSchema, whole.error.issues)
  refuse(complaints, file, fileName)
  if (!whole.success) throw wrongInput("cannot be read", { where: fileName })
  return whole.data.risks
}

function* wrongWith(risks: readonly Risk[], fleet: Fleet, today: Date): Iterable<Complaint> {
  const { maxDays } = fleet.policy.risks
  for (const [index, risk] of risks.entries()) {
    const path = ["risks", index]
    yield* wrongDays(risk, path, maxDays, dayOf(today))
    if (Object.keys(risk.families).length === 0)
      yield { path: [...path, "families"], what: "is empty; name the families that it was accepted for" }
    for (const family of Object.keys(risk.families)) {
      if (!imageNamed(fleet, family)) yield { path: [...path, "families", family], what: unknown(fleet, family) }
    }
  }
  yield* duplicates(risks)
}

function* wrongDays(risk: Risk, path: Complaint["path"], maxDays: number, today: string): Iterable<Complaint> {
  const { accepted, reviewBy } = risk
  const strange = (["accepted", "reviewBy"] as const).filter((key) => !isDay(risk[key]))
  for (const key of strange) yield { path: [...path, key], what: `${shown(risk[key])} is no day of the calendar` }
  if (strange.length > 0) return
  const days = daysBetween(accepted, reviewBy)
  if (days < 0) yield { path: [...path, "reviewBy"], what: `${reviewBy} is before ${accepted}, when it was accepted` }
  if (days > maxDays) {
    const what = `${reviewBy} is ${days} days after ${accepted}; policy.risks.maxDays allows ${maxDays}`
    yield { path: [...path, "reviewBy"], what: `${what}: ${plusDays(accepted, maxDays)} at the latest` }
  }
  // A day of grace: it may be tomorrow already where somebody accepts.
  if (daysBetween(today, accepted) > 1)
    yield {
      path: [...path, "accepted"],
      what: `${accepted} is in the future (today is ${today}); write the day it was accepted on`,
    }
}

/** One id, package and family stands once, or nobody could say which of the two holds. */
function* duplicates(risks: readonly Risk[]): Iterable<Complaint> {
  const first = new Map<string, number>()
  for (const [index, risk] of risks.entries()) {
    for (const family of Object.keys(risk.families)) {
      const key = [risk.id.toLowerCase(), risk.package, family].join("\n")
      const before = first.get(key)
      if (before === undefined) first.set(key, index)
      else {
        const what = `${riskName(risk)} is accepted for ${family} in risks[${before}] already; keep one of the two`
        yield { path: ["risks", index, "families", family], what }
      }
    }
  }
}

function unknown({ families }: Fleet, name: string): string {
  const aliased = Object.keys(families).find((each) => families[each]?.alias === name)
  return aliased
    ? `there is no family ${shown(name)}; that is the alias of ${aliased}, write the name`
    : `there is no family ${shown(name)} any more; take it out of the entry`
}
