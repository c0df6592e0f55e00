import { z } from "zod"
import { type DatabaseSource, databaseSourceSchema } from "../advisories/advisories.ts"
import { wrongAge } from "../advisories/age.ts"
import { digestSchema } from "../fleet/names.ts"
import type { Archived } from "./archive.ts"
import { endOfLife } from "./endOfLife.ts"
import type { Gate, Rules } from "./gate.ts"
import { shaped } from "./probe.ts"
import { secretFinding, type Vulnerability, vulnerabilityFinding } from "./scan/findings.ts"
import { reportSchema, scanned, secretSchema, type Vendored, vulnerabilitySchema } from "./scan/report.ts"
import { CouldNotLook, type Finding, type Judged } from "./verdict.ts"

const { trivy, os, packages } = reportSchema.shape
const count = z.int().nonnegative()
const [, none] = databaseSourceSchema.options

const seenSchema = z.strictObject({
  trivy,
  os,
  packages: z.strictObject({ debian: count, python: count, other: packages.shape.other }),
  /** Python packages inside of others: seen, and in no package manager's list. */
  vendored: z.array(z.strictObject({ name: z.string(), version: z.string(), path: z.string() })),
  vulnerabilities: z.array(vulnerabilitySchema.extend({ madeBy: z.string(), inBase: z.boolean() })),
  secrets: z.array(secretSchema.extend({ madeBy: z.string() })),
})

const factsSchema = z.strictObject({
  digest: digestSchema,
  /** null: the image has no Python that could have looked. */
  release: z.strictObject({ id: z.string(), codename: z.string() }).nullable(),
  python: z.string().nullable(),
  database: z.union([databaseSourceSchema.options[0], none]),
  /** null where there is no database to look things up in. */
  seen: seenSchema.nullable(),
})

export type ScanFacts = z.infer<typeof factsSchema>
type Seen = z.infer<typeof seenSchema>

/** Known weaknesses of what is installed, secrets in layers, and what gets no fixes any more. */
export const scan: Gate<ScanFacts> & { readonly name: "scan" } = {
  name: "scan",
  async look(on) {
    const { database } = await on.advisories()
    if (database.state === "broken") throw new CouldNotLook(`scan: ${database.why}`, database.fix)
    const looked = database.state === "ready" ? scanned(on, database) : undefined
    const [archived, inside, answer] = await Promise.all([on.archived(), on.inside(), looked])
    return {
      digest: archived.digest,
      release: inside?.release ?? null,
      python: inside?.python.version ?? null,
      database,
      seen: answer ? seenIn(answer, archived) : null,
    }
  },
  judge(facts, rules): Judged<ScanFacts> {
    const ends = endings(facts, rules)
    const found = facts.seen ? weighed(facts.seen, rules) : nothing
    const unreadable = ageFindings(facts.database, rules)
    const unchecked = uncheckedNotes(facts)
    const findings = [
      ...unreadable,
      ...found.failing.map((each) => vulnerabilityFinding(each, rules)),
      ...ends.findings,
      ...(facts.seen?.secrets ?? []).map((each) => secretFinding(each, rules)),
    ]
    const otherwise = unchecked.length > 0 ? "UNCHECKED" : "PASS"
    return {
      verdict: unreadable.length > 0 ? "ERROR" : findings.length > 0 ? "FAIL" : otherwise,
      facts,
      findings,
      ...(otherwise === "UNCHECKED" ? { otherwise } : {}),
      notes: [...unchecked, ...found.notes, ...ends.notes],
      brief: briefOf(facts, found.failing, ends.findings.length),
    }
  },
  recall: (stored) => shaped("scan", stored, factsSchema),
  stale: ({ database: before }, { database: now }) => before.state !== now.state || digestOf(before) !== digestOf(now),
}

const digestOf = (database: DatabaseSource): string | undefined =>
  database.state === "ready" ? database.digest : undefined

function seenIn({ report, vendored }: Awaited<ReturnType<typeof scanned>>, { layers }: Archived): Seen {
  const made = new Map(layers.map(({ digest, madeBy }, index) => [digest, { madeBy, inBase: index === 0 }]))
  const layerOf = (digest: string | null) => made.get(digest ?? "") ?? { madeBy: "", inBase: false }
  const { debian, python, other } = report.packages
  return {
    trivy: report.trivy,
    os: report.os,
    packages: { debian: debian.length, python: python.length, other },
    vendored: vendored satisfies Vendored[],
    vulnerabilities: report.vulnerabilities.map((each) => ({ ...each, ...layerOf(each.layer) })),
    secrets: report.secrets.map((each) => ({ ...each, madeBy: layerOf(each.layer).madeBy })),
  }
}

function endings({ release, python, seen }: ScanFacts, rules: Rules): ReturnType<typeof endOfLife> {
  if (release && python) return endOfLife({ release, python, eosl: seen?.os.eosl }, rules)
  return { findings: [], notes: [{ what: "nobody could see which distribution and Python the image has" }] }
}

/** Judged by the day, so that kept facts age. */
function ageFindings(database: ScanFacts["database"], { fleet, now }: Rules): Finding[] {
  if (database.state !== "ready") return []
  const { maxAgeDays } = fleet.policy.advisories
  const wrong = wrongAge(database.updatedAt, { maxAgeDays, now }, "let `fairlead advisories` fetch a newer one")
  return wrong ? [{ what: `the ${wrong.what}`, evidence: database.from, fix: wrong.fix }] : []
}

interface Weighed {
  failing: Vulnerability[]
  notes: Finding[]
}
const nothing: Weighed = { failing: [], notes: [] }

/** What fails by policy.advisories, and what is let pass by it, in one line. */
function weighed({ vulnerabilities }: Seen, { fleet }: Rules): Weighed {
  const { severities, ignoreUnfixed } = fleet.policy.advisories
  const grave = vulnerabilities.filter(({ severity }) => (severities as string[]).includes(severity))
  const failing = grave.filter(({ fixed }) => !ignoreUnfixed || fixed.length > 0).sort(byGravity)
  const unknown = vulnerabilities.filter(({ severity }) => severity === "UNKNOWN")
  const unfixed = ignoreUnfixed ? grave.filter(({ fixed }) => fixed.length === 0) : []
  const lesser = vulnerabilities.filter((each) => !grave.includes(each) && !unknown.includes(each))
  const passed = [counted(unfixed) && `${counted(unfixed)} without a fix`, counted(lesser)].filter(Boolean)
  const notes = passed.length > 0 ? [{ what: `let pass by policy.advisories: ${passed.join("; ")}` }] : []
  if (unknown.length > 0) {
    const names = unknown.slice(0, 5).map(({ id, package: name, installed }) => `${id} in ${name} ${installed}`)
    const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""
    notes.push({ what: `nobody says how grave these are: ${names.join(", ")}${more}` })
  }
  return { failing, notes }
}

/** Why the answer is not the whole one: no database, or one that has nothing about a kind of package. */
function uncheckedNotes({ database, seen }: ScanFacts): Finding[] {
  if (database.state === "none") {
    const fix = database.fix ?? "`fairlead advisories` says how to give one"
    return [{ what: `${database.why}: nobody looked for known weaknesses, nor for secrets in layers`, fix }]
  }
  if (!seen) return []
  const { covers = [], from } = database
  const { os, packages } = seen
  // Trivy looks Debian's packages up by the release's first number.
  const silent = [
    ...(covers.includes(`${os.family} ${os.name.split(".")[0]}`)
      ? []
      : [`${packages.debian} packages of ${os.family} ${os.name}`]),
    ...(covers.includes("pip") || packages.python === 0 ? [] : [`${packages.python} Python packages`]),
  ]
  if (silent.length === 0) return []
  const what = `${from} has no advisory at all for ${silent.join(" and ")}: nobody looked them up`
  return [{ what, fix: "give a source that knows them: `fairlead advisories`" }]
}

/** "1 critical, 2 high", "0 of 132 pkg". */
function briefOf({ seen }: ScanFacts, failing: readonly Vulnerability[], ended: number): string | undefined {
  const secrets = seen?.secrets.length ?? 0
  const parts = [
    counted(failing),
    secrets > 0 && `${secrets} secret${secrets > 1 ? "s" : ""}`,
    ended > 0 && "end of life",
  ].filter(Boolean)
  if (parts.length > 0) return parts.join(", ")
  return seen ? `0 of ${seen.packages.debian + seen.packages.python} pkg` : undefined
}

const gravity = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"] as const

const byGravity = (a: Vulnerability, b: Vulnerability): number =>
  gravity.indexOf(a.severity) - gravity.indexOf(b.severity) || a.package.localeCompare(b.package)

const counted = (found: readonly Vulnerability[]): string =>
  gravity
    .map((severity) => ({ severity, count: found.filter((each) => each.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity.toLowerCase()}`)
    .join(", ")
