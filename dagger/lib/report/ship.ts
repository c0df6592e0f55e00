import { z } from "zod"
import { harmless } from "../engine/engine.ts"
import type { Finding } from "../gates/verdict.ts"
import type { Plan } from "../plan/plan.ts"
import type { GateRecord } from "../release/record.ts"
import type { RegistryAddress } from "../release/registry.ts"
import type { ShippedFamily, ShipReport } from "../release/ship.ts"
import { pc } from "./colours.ts"
import { gateOrder } from "./state.ts"
import { bytes, duration, line, table, verdictWord } from "./text.ts"
import { vulnerabilities } from "./vulnerabilities.ts"
import { count, listed, worstFirst } from "./words.ts"

/** What is about to be done: "4 families to build: base-python ← base-utils ← …". */
export function planLine({ families }: Plan): string {
  const todo = families.filter(({ action }) => action === "build")
  if (todo.length === 0) return line("plan", `${families.length} families unchanged, 0 to build`)
  const names = todo.map(({ family }) => family).join(todo.length > 1 && isLine(todo) ? " ← " : ", ")
  return line("plan", `${todo.length} ${todo.length === 1 ? "family" : "families"} to build: ${names}`)
}

const isLine = (families: Plan["families"]): boolean =>
  families.every(({ parent }, index) => index === 0 || parent === families[index - 1]!.family)

/** The whole answer of `ship`, for people: a row per family, then what failed and why, then what comes next. */
export function shipText(report: ShipReport, registry: RegistryAddress, dryRun = false): string {
  const published = report.families.filter(({ ref }) => ref)
  const withheld = report.families.filter(({ ref }) => !ref)
  const failed = report.families.flatMap(failures)
  return [
    table(
      ["family", "build", ...columns(report), "size", "pushed"],
      report.families.map((each) => row(each, report)),
    ),
    ...(failed.length > 0 ? ["", ...failed] : []),
    "",
    ...(published.length > 0 ? [shippedLine(report, published, registry)] : []),
    ...costLines(report),
    ...(withheld.length > 0 ? [withheldLine(withheld, dryRun)] : []),
    ...acceptedLines(report),
    ...uncheckedLines(report),
    ...(report.notes ?? []).map((note) => line("note", note)),
    ...noteLines(report),
    ...nextLines(report, published),
  ].join("\n")
}

const gateNames = ({ families }: ShipReport): string[] =>
  gateOrder(families.flatMap(({ gates }) => Object.keys(gates))).filter((name) => name !== "size")

/** The gates, and the count of packages where no gate looks at them. */
const columns = (report: ShipReport): string[] => {
  const names = gateNames(report)
  return names.includes("sbom") ? names : [...names, "sbom"]
}

function row(family: ShippedFamily, report: ShipReport): string[] {
  return [
    family.family,
    family.reused ? pc.dim("unchanged") : family.seconds > 0 ? duration(family.seconds) : "cached",
    ...columns(report).map((name) => cell(family, name)),
    sizeCell(family),
    family.ref ? (family.ref.split(":").at(-1) ?? "") : pc.yellow("no"),
  ]
}

function cell({ gates, packages }: ShippedFamily, name: string): string {
  const gate = gates[name]
  if (!gate) return name === "sbom" ? `${packages} pkg` : pc.yellow("not known")
  if (name === "sbom" && gate.verdict === "PASS") return gate.brief ?? `${packages} pkg`
  if (gate.verdict === "ACCEPTED") return `${verdictWord("ACCEPTED")} ${pc.yellow(acceptedBrief(gate))}`
  const { verdict, accepted = [], brief } = gate
  // Whatever it would say beside it, an unchecked gate has not seen all.
  if (verdict === "UNCHECKED")
    return `${verdictWord(verdict)}${accepted.length > 0 ? ` (${accepted.length} accepted)` : ""}`
  return [verdictWord(verdict), brief].filter(Boolean).join(" ")
}

/** "(2, next expiry 2027-02-20)". */
function acceptedBrief({ accepted = [] }: GateRecord): string {
  const next = accepted.map(({ reviewBy }) => reviewBy).sort()[0]
  return next ? `(${accepted.length}, next expiry ${next})` : `(${accepted.length})`
}

function sizeCell({ gates: { size }, size: { compressed } }: ShippedFamily): string {
  if (!size) return bytes(compressed)
  return size.verdict === "PASS"
    ? (size.brief ?? bytes(compressed))
    : [verdictWord(size.verdict), size.brief].filter(Boolean).join(" ")
}

/** The most findings of one gate that a terminal is filled with; the report has them all. */
const most = 10

function failures({ family, gates }: ShippedFamily): string[] {
  return Object.entries(gates)
    .filter(([, { verdict }]) => verdict === "FAIL" || verdict === "ERROR")
    .flatMap(([name, { verdict, findings }]) => [
      `  ${family}  ${name} ${pc.red(verdict)}`,
      ...worstFindingLines(findings),
    ])
}

/** The worst findings, and where the others are told. */
export function worstFindingLines(findings: readonly Finding[]): string[] {
  const rest = findings.length - most
  return [
    ...worstFirst(findings).slice(0, most).flatMap(findingLines),
    ...(rest > 0 ? [`    and ${rest} more: fairlead report`] : []),
  ]
}

export const findingLines = ({ what, where, evidence, fix }: Finding): string[] => [
  `    ${what}`,
  ...(where ? [`      ${where}`] : []),
  ...(evidence ? evidence.split("\n").map((each) => `      ${each}`) : []),
  ...(fix ? [`      fix: ${fix}`] : []),
]

function shippedLine(
  { families, seconds }: ShipReport,
  published: ShippedFamily[],
  { host, org }: RegistryAddress,
): string {
  const built = families.filter(({ reused }) => !reused).length
  const previous = published.at(-1)?.previous
  const count =
    built === 0
      ? `${families.length} families unchanged, 0 built, at`
      : `${published.length} ${published.length === 1 ? "image" : "images"} to`
  return line(
    "shipped",
    `${count} ${host}/${org} in ${duration(seconds)}, -prev: ${previous ? previous.slice(0, 19) : "none yet"}`,
  )
}

/** What took how long, and what did not have to. Images are looked at side by side, so these are sums. */
function costLines({ families }: ShipReport): string[] {
  const built = families.filter(({ reused }) => !reused)
  const kept = families.filter(({ reused }) => reused)
  const sum = (of: readonly ShippedFamily[], value: (family: ShippedFamily) => number) =>
    of.reduce((total, each) => total + value(each), 0)
  const cached = sum(built, ({ steps }) => steps?.cached ?? 0)
  const steps = cached + sum(built, ({ steps }) => steps?.ran ?? 0)
  const before = sum(kept, ({ seconds, gateSeconds }) => seconds + gateSeconds)
  const saved = [
    ...(cached > 0 ? [`${cached} of ${count(steps, "build step")}`] : []),
    ...(kept.length > 0 ? [`${count(kept.length, "unchanged image")} that took ${duration(before)} to make`] : []),
  ]
  const times = `build ${duration(sum(built, ({ seconds }) => seconds))}, gates ${duration(sum(built, ({ gateSeconds }) => gateSeconds))}`
  const took = built.length > 1 ? `${times}, added up over ${built.length} images` : times
  return [
    ...(built.length > 0
      ? [line("took", `${took} · ${bytes(sum(built, ({ added = 0 }) => added))} of new layers`)]
      : []),
    ...(saved.length > 0 ? [line("saved", saved.join("; "))] : []),
  ]
}

const withheldLine = (withheld: ShippedFamily[], dryRun: boolean): string =>
  dryRun
    ? line("dry run", "nothing was pushed")
    : `  ${pc.red("not shipped")}: ${withheld.map(({ family }) => family).join(", ")}. Nothing of it was pushed.`

/** What somebody answers for, each once: children carry what their parents carry. */
function acceptedLines({ families }: ShipReport): string[] {
  const all = new Map<string, { text: string; reviewBy: string; families: string[] }>()
  for (const { family, gates } of families) {
    const states = Object.entries(gates).map(([name, { findings, accepted = [] }]) => ({ name, findings, accepted }))
    for (const { package: name, accepted } of vulnerabilities(states)) {
      if (!accepted) continue
      const { id, reviewBy, by, reason } = accepted
      const text = `${harmless(name)} ${harmless(id)} until ${reviewBy} by ${by}: ${reason}`
      const known = all.get(text) ?? { text, reviewBy, families: [] }
      known.families.push(family)
      all.set(text, known)
    }
  }
  const sorted = [...all.values()].sort((a, b) => a.reviewBy.localeCompare(b.reviewBy))
  const rest = sorted.length - most
  return [
    ...sorted.slice(0, most).map((each) => line("accepted", `${each.text} (${listed(each.families)})`)),
    ...(rest > 0 ? [line("", `and ${rest} more: fairlead report`)] : []),
  ]
}

/** One line for all the gates that have no source, and one for each other reason why nobody could look. */
function uncheckedLines({ families }: ShipReport): string[] {
  const silent = families.flatMap(({ gates }) =>
    Object.entries(gates).flatMap(([name, gate]) =>
      gate.verdict === "UNCHECKED" ? [{ name, ...whyUnchecked(gate) }] : [],
    ),
  )
  const sourceless = silent.filter(({ source }) => !source)
  const reasons = new Set(sourceless.map(({ why }) => why))
  const groups = new Map<string, string[]>()
  for (const { name, why, source } of silent) {
    // Each source has reasons of its own: together they are one line, and `advisories` tells them apart.
    const text = !source && reasons.size > 1 ? `${noneHere} \`fairlead advisories\` says why, and how to give one` : why
    groups.set(text, [...(groups.get(text) ?? []), name])
  }
  return [...groups].map(([why, names]) => {
    const gates = gateOrder(names)
    return line("note", pc.cyan(`${listed(gates)} ${gates.length === 1 ? "is" : "are"} unchecked: ${why}`))
  })
}

const noneHere = "no advisory source is reachable here."
const noSource = z.looseObject({ state: z.literal("none"), why: z.string(), fix: z.string().optional() })

/** Gates say in their own words what that means for them; a source that is not there says why, to all of them alike. */
function whyUnchecked({ facts, notes: [note] = [] }: GateRecord): { why: string; source: boolean } {
  const none = Object.values(facts ?? {}).flatMap((each) => noSource.safeParse(each).data ?? [])[0]
  const fix = none?.fix ?? note?.fix ?? "`fairlead advisories` says how to give one"
  const why = none?.why ?? note?.what ?? noneHere
  return { why: `${why.replace(/\.$/, "")}. ${fix}`, source: none === undefined && note !== undefined }
}

/** That there is more to know is one line; what it is stands in the report. */
function noteLines({ families }: ShipReport): string[] {
  const told = families.flatMap(({ gates }) =>
    // The first note of an unchecked gate is why it is so, which has a line of its own.
    Object.values(gates).flatMap(({ verdict, notes = [] }) => (verdict === "UNCHECKED" ? notes.slice(1) : notes)),
  )
  const once = [...new Set(told.map(({ what }) => what))]
  if (once.length === 0) return []
  const [first] = once
  if (once.length === 1) return [line("note", first!)]
  return [line("note", `${first} · and ${count(once.length - 1, "more note")}: fairlead report`)]
}

function nextLines(report: ShipReport, published: ShippedFamily[]): string[] {
  const last = published.at(-1)
  return last
    ? [line("next", `docker pull ${last.ref} · fairlead report`)]
    : report.verdict === "PASS"
      ? []
      : [line("next", "fix what is named above, then run the same command again")]
}
