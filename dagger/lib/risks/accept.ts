import { harmless } from "../engine/engine.ts"
import { owned } from "../fleet/names.ts"
import type { Accepted, Finding, Judged } from "../gates/verdict.ts"
import { quoted } from "../rollout/quote.ts"
import { dayOf } from "./day.ts"
import { isAbout } from "./match.ts"
import { isWarnMode, type Risk } from "./risk.ts"

/** Where an acceptance has to hold: this family, with these very packages, on this day. */
export interface AcceptedFor {
  family: string
  /** What the image stands on: an acceptance for one of these holds too, where the packages are the very same. */
  line?: readonly string[]
  contents: string
  now: Date
}

/**
 * A gate's answer with what risks.yaml lets pass: FAIL becomes ACCEPTED when every finding is accepted. An acceptance that
 * has passed, or that was given for other packages, lets nothing pass, and the finding says so.
 */
export function withAcceptances<F>(judged: Judged<F>, risks: readonly Risk[], on: AcceptedFor): Judged<F> {
  if (judged.verdict !== "FAIL" || risks.length === 0) return judged
  const accepted: Accepted[] = []
  const used = new Set<Risk>()
  const findings = judged.findings.flatMap((finding): Finding[] => {
    const risk = finding.risk && acceptanceOf(risks, finding, on)
    if (!risk || !finding.risk) return [told(finding, risks, on)]
    used.add(risk)
    accepted.push(acceptedBy(risk, finding))
    return []
  })
  const notes = [...(judged.notes ?? []), ...[...used].filter(isWarnMode).map((risk) => warnNote(risk, on))]
  const left = { ...judged, findings, accepted, ...(notes.length > 0 ? { notes } : {}) }
  if (findings.length > 0) {
    const more = accepted.length > 0 ? `${accepted.length} accepted` : ""
    return { ...left, brief: [judged.brief, more].filter(Boolean).join(", ") || undefined }
  }
  const brief = acceptedBrief(accepted)
  return judged.otherwise
    ? { ...left, verdict: judged.otherwise, brief: `the rest unchecked, ${brief}` }
    : { ...left, verdict: "ACCEPTED", brief }
}

/** "2 accepted, next expiry 2027-02-20". */
export function acceptedBrief(accepted: readonly Pick<Accepted, "reviewBy">[]): string {
  const next = accepted.map(({ reviewBy }) => reviewBy).sort()[0]
  return `${accepted.length} accepted${next ? `, next expiry ${next}` : ""}`
}

/** The entry that lets a finding pass: one that names it goes before one that names everything. */
export function acceptanceOf(risks: readonly Risk[], { risk: found }: Finding, on: AcceptedFor): Risk | undefined {
  if (!found) return undefined
  const holding = risks.filter((risk) => isAbout(risk, found) && holds(risk, on))
  return holding.find((risk) => !isWarnMode(risk)) ?? holding[0]
}

/** Whether an entry is in force for a family, its packages and a day. */
export const holds = (risk: Risk, { family, line = [], contents, now }: AcceptedFor): boolean =>
  [family, ...line].some((each) => owned(risk.families, each) === contents) && !hasPassed(risk, now)

/** Days are told in UTC, and the last one counts in full. */
export const hasPassed = ({ reviewBy }: Pick<Risk, "reviewBy">, now: Date): boolean => dayOf(now) > reviewBy

const acceptedBy = ({ reason, by, reviewBy }: Risk, { what, risk }: Finding): Accepted => ({
  what,
  id: risk!.ids[0]!,
  package: risk!.package,
  reason,
  by,
  reviewBy,
  risk,
})

/** A finding that an entry is about and does not let pass says why: it has passed, or it was for something else. */
function told(finding: Finding, risks: readonly Risk[], on: AcceptedFor): Finding {
  const found = finding.risk
  // WARN mode of another family is about everything, and no news here.
  const near = (risk: Risk) => Object.hasOwn(risk.families, on.family) || !isWarnMode(risk)
  const about = found ? risks.filter((risk) => isAbout(risk, found) && near(risk)) : []
  const said = about.map((risk) => whyNot(risk, on))
  if (!found || said.length === 0) return finding
  const again = `accept it anew: ${acceptCommand({ id: found.ids[0]!, package: found.package, family: on.family })}`
  return {
    ...finding,
    evidence: [finding.evidence, ...said].filter(Boolean).join("\n"),
    fix: finding.fix ? `${finding.fix}; or ${again}` : again,
  }
}

function whyNot(risk: Risk, { family, contents, now }: AcceptedFor): string {
  const head = `risks.yaml: accepted by ${risk.by}`
  const given = Object.hasOwn(risk.families, family) ? risk.families[family] : undefined
  if (given === undefined)
    return `${head} on ${risk.accepted} for ${Object.keys(risk.families).join(", ")}, not for ${family}`
  const passed = hasPassed(risk, now) ? " that has passed" : ""
  if (given === contents) return `${head} until ${risk.reviewBy}:${passed}`
  const others = `for other packages than ${family} has now (${given.slice(0, 19)}, not ${contents.slice(0, 19)})`
  return `${head} on ${risk.accepted} until ${risk.reviewBy}, ${others}${passed && `; it has passed as well`}`
}

/** The command that accepts a finding, for people to copy. */
export const acceptCommand = (of: { id: string; package: string; family: string }): string =>
  `fairlead risk accept ${shellWord(of.id)} --package ${shellWord(of.package)} --family ${of.family} --reason "…"`

/** A word as a shell takes it: names of packages come from images. Quotes only where they are needed, for people. */
const shellWord = (word: string): string => (/^[A-Za-z0-9._+/:@-]+$/.test(word) ? word : quoted(harmless(word)))

function warnNote({ id, package: of, by, reason, reviewBy }: Risk, { family }: AcceptedFor): Finding {
  const what = id === "*" ? (of === "*" ? "every finding" : `every finding in ${of}`) : `${id} in every package`
  return {
    what: `WARN mode: risks.yaml lets ${what} of ${family} pass until ${reviewBy}`,
    evidence: `accepted by ${by}: ${reason}`,
    fix: "accept by id and package instead: then a new finding fails again",
  }
}
