import type { Fleet } from "../fleet/fleet.ts"
import { familyNamed } from "../fleet/hierarchy.ts"
import { closest, lineSchema } from "../fleet/names.ts"
import { shown } from "../fleet/shown.ts"
import { wrongInput } from "../problem.ts"
import { acceptanceOf } from "./accept.ts"
import { dayOf, daysBetween, isDay, plusDays } from "./day.ts"
import { isAbout, matchesId } from "./match.ts"
import { isWarnMode, type Risk, riskName, risksFileName } from "./risk.ts"
import { type ShownRisk, shownRisks, unseen } from "./shown.ts"
import type { NewestRecords } from "./standing.ts"

/** What somebody asks to have accepted. */
export interface AcceptRequest {
  /** An id or another name of the weakness, or "*". */
  id: string
  reason: string
  by: string
  package?: string
  /** Names or aliases. Default: every family whose newest record shows it. */
  families?: readonly string[]
  /** Default: as many as policy allows. */
  days?: number
  reviewBy?: string
  /** Replace what is in force already. */
  renew?: boolean
}

/** What risks.yaml is to say afterwards. */
export interface Proposal {
  added: Risk[]
  /** Entries that say less afterwards, or nothing: what they held for the added families is taken out. */
  replaced: { risk: Risk; families: string[] }[]
}

export interface AcceptOn {
  fleet: Fleet
  risks: readonly Risk[]
  records: NewestRecords
  now: Date
}

/** The entries that a request makes, one per package. Throws a Problem (exit code 2) for what cannot be accepted. */
export function proposeAcceptance(request: AcceptRequest, on: AcceptOn): Proposal {
  const { accepted, reviewBy } = daysOf(request, on)
  const reason = lineOf("--reason", request.reason)
  const by = lineOf("--by", request.by)
  const asked = request.families?.map((each) => familyNamed(on.fleet, each).name)
  const found = withoutHeld(failing(request, asked, on), request, on)
  const added = [...byPackage(found, request)].map(([of, families]): Risk => {
    const contents = families.map((family) => [family, on.records[family]!.contents])
    return { id: request.id, package: of, families: Object.fromEntries(contents), reason, by, accepted, reviewBy }
  })
  return { added, replaced: replacedBy(added, found, on.risks) }
}

function daysOf(request: AcceptRequest, { fleet, now }: AcceptOn): { accepted: string; reviewBy: string } {
  const { maxDays } = fleet.policy.risks
  const accepted = dayOf(now)
  const limit = {
    where: request.reviewBy ? "--review-by" : "--days",
    fix: `${plusDays(accepted, maxDays)} is the latest day, ${maxDays} days from now (fleet.yaml: policy.risks.maxDays)`,
  }
  if (request.days !== undefined && request.reviewBy !== undefined)
    throw wrongInput("say either --days or --review-by", { fix: "drop one of the two" })
  if (request.reviewBy !== undefined && !isDay(request.reviewBy))
    throw wrongInput(`${shown(request.reviewBy)} is no day such as "${plusDays(accepted, maxDays)}"`, limit)
  const days = request.reviewBy === undefined ? (request.days ?? maxDays) : daysBetween(accepted, request.reviewBy)
  if (days > maxDays) throw wrongInput(`${days} days are more than an acceptance may last`, limit)
  if (days < (request.reviewBy ? 0 : 1))
    throw wrongInput(request.reviewBy ? `${request.reviewBy} has passed` : `${days} is no number of days`, limit)
  return { accepted, reviewBy: plusDays(accepted, days) }
}

function lineOf(where: string, text: string): string {
  const line = lineSchema.safeParse(text.trim())
  if (line.success) return line.data
  throw wrongInput(text.trim() === "" ? "is empty" : line.error.issues[0]!.message, {
    where,
    fix: "write one line of text",
  })
}

/** The failing findings that the request is about, of the families that it names. */
function failing(request: AcceptRequest, asked: string[] | undefined, on: AcceptOn): ShownRisk[] {
  const { id, package: of } = request
  if (id === "*" && !asked) {
    throw wrongInput("accepting everything wants to know for which families", {
      where: "risk accept",
      fix: "pass --family; better, accept by id: then a new finding fails again",
    })
  }
  for (const family of asked ?? []) {
    if (on.records[family]) continue
    const fix = `\`fairlead ship --family ${family}\` makes one, also when a gate fails`
    throw wrongInput(`there is no record of ${family}, so nothing shows what to accept`, { where: "--family", fix })
  }
  const all = Object.values(on.records).flatMap((record) => (record ? shownRisks(record) : []))
  const within = all.filter(({ family }) => !asked || asked.includes(family))
  const hit = within.filter(({ risk, state }) => state !== "noted" && isAbout({ id, package: of ?? "*" }, risk))
  const missing = asked?.find((family) => !hit.some((each) => each.family === family))
  if (hit.length > 0 && missing === undefined) return hit
  throw nothingShows(request, missing, all, within, on)
}

function nothingShows(
  { id, package: of }: AcceptRequest,
  missing: string | undefined,
  all: readonly ShownRisk[],
  within: readonly ShownRisk[],
  { records }: AcceptOn,
) {
  const name = riskName({ id, package: of ?? "*" })
  const whose = missing ? `the newest record of ${missing}` : "no newest record of a family"
  const what = missing ? `${whose} does not show ${name}` : `${whose} shows ${name}`
  const noted = within.some(({ risk, state }) => state === "noted" && matchesId(id, risk.ids))
  if (noted)
    return wrongInput(what, {
      where: "risk accept",
      why: "it is only noted there and fails nothing",
      fix: "nothing to do",
    })
  const open = all.filter(({ state }) => state !== "noted")
  const ids = [...new Set(open.flatMap(({ risk }) => risk.ids))]
  const elsewhere = open.filter(({ risk }) => matchesId(id, risk.ids))
  const meant = elsewhere.length > 0 ? undefined : closest(id, ids)
  const shownThere =
    elsewhere.length > 0
      ? `it is shown for ${[...new Set(elsewhere.map(({ risk, family }) => `${risk.package} of ${family}`))].slice(0, 10).join(", ")}`
      : ids.length > 0
        ? `shown are ${[...new Set(open.map(({ risk }) => `${risk.ids[0]} for ${risk.package}`))].slice(0, 10).join(", ")}`
        : "none of them shows a risk that could be accepted"
  const blind = Object.values(records).flatMap((record) =>
    record && unseen(record) ? [`${record.family} (${unseen(record)})`] : [],
  )
  return wrongInput(what, {
    where: "risk accept",
    why: [shownThere, blind.length > 0 ? `nobody could look at ${blind.slice(0, 5).join(", ")}` : ""]
      .filter(Boolean)
      .join("; "),
    fix: meant
      ? `did you mean ${meant}?`
      : "only what a record shows can be accepted: run `fairlead ship` first, then name what fails",
  })
}

/** Without what is accepted already and still holds; refused where nothing else is left, but for a renewal. */
function withoutHeld(found: ShownRisk[], request: AcceptRequest, { risks, records, now }: AcceptOn): ShownRisk[] {
  if (request.renew) return found
  const held = (each: ShownRisk) =>
    acceptanceOf(risks, each, { family: each.family, contents: records[each.family]!.contents, now })
  const open = found.filter((each) => !held(each))
  if (open.length > 0) return open
  const risk = held(found[0]!)!
  throw wrongInput(`${riskName(risk)} is accepted already, by ${risk.by} until ${risk.reviewBy}`, {
    where: risksFileName,
    fix: "pass --renew to replace that entry",
  })
}

/** package -> families. A request for whatever is found in whole families stays one entry. */
function byPackage(found: readonly ShownRisk[], { id, package: of }: AcceptRequest): Map<string, string[]> {
  const packages = new Map<string, string[]>()
  for (const { family, risk } of found) {
    const name = of ?? (id === "*" ? "*" : risk.package)
    packages.set(name, [...new Set([...(packages.get(name) ?? []), family])])
  }
  return packages
}

/** Older entries about the very same: they lose the families that the new ones hold for. */
function replacedBy(added: readonly Risk[], found: readonly ShownRisk[], risks: readonly Risk[]): Proposal["replaced"] {
  const same = (risk: Risk, family: string) =>
    added.some(
      (each) =>
        Object.hasOwn(each.families, family) &&
        (isWarnMode(each) || isWarnMode(risk)
          ? each.id === risk.id && each.package === risk.package
          : found.some((one) => one.family === family && isAbout(each, one.risk) && isAbout(risk, one.risk))),
    )
  return risks.flatMap((risk) => {
    const families = Object.keys(risk.families).filter((family) => same(risk, family))
    return families.length > 0 ? [{ risk, families }] : []
  })
}

/** What still fails in some families once these risks are accepted. */
export interface Remaining {
  family: string
  gate: string
  what: string
  fix?: string
}

export const remainingFindings = (
  families: readonly string[],
  { risks, records, now }: Pick<AcceptOn, "risks" | "records" | "now">,
): Remaining[] =>
  families.flatMap((family) => {
    const record = records[family]
    return Object.entries(record?.gates ?? {}).flatMap(([gate, { findings }]) =>
      findings
        .filter((finding) => !acceptanceOf(risks, finding, { family, contents: record!.contents, now }))
        .map(({ what, fix }) => ({ family, gate, what, ...(fix ? { fix } : {}) })),
    )
  })
