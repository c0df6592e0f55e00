import { harmless } from "../engine/engine.ts"
import { dayOf, daysBetween } from "../risks/day.ts"
import { changeOf, previousOf } from "./packages.ts"
import type { FamilyState, FleetState, GateState } from "./state.ts"
import { gateOrder, worstOf } from "./state.ts"
import { bytes } from "./text.ts"
import { lookedBy, vulnerabilities } from "./vulnerabilities.ts"
import { count, day, difference, listed, standingWord, worstFirst } from "./words.ts"

/** The most findings that are told of one gate: a summary is read, not searched. */
const most = 20

/** The fleet as Markdown: a job's summary, a comment, a page of a wiki. */
export function markdown(state: FleetState): string {
  const known = state.families.filter(({ release }) => release)
  return `${[
    `## ${escaped(state.name)}: ${standingWord[worstOf(known.map(({ standing }) => standing))]}`,
    headline(state, known),
    ...verdictTable(known),
    ...unchecked(known),
    ...section("What fails", known.flatMap(failures)),
    ...section("Worth knowing", known.flatMap(notes)),
    ...section("Accepted risks", acceptedTable(state)),
    ...section("Sizes", sizeTable(known)),
    ...section("What changed", known.flatMap(changes)),
  ].join("\n\n")}\n`
}

function headline(state: FleetState, known: FamilyState[]): string {
  const silent = state.families.filter(({ release, buildable }) => !release && buildable)
  const parts = [`${count(known.length, "family", "families")} on ${day(state.now.toISOString())}`]
  if (silent.length > 0) parts.push(`not known, since never built here: ${names(silent)}`)
  return `${parts.join("; ")}.`
}

function verdictTable(known: FamilyState[]): string[] {
  if (known.length === 0) return ["Nothing is known: there is no record of any family here."]
  const gates = gateOrder(known.flatMap((each) => each.gates.map(({ name }) => name)))
  const rows = known.map((each) => [
    code(each.family),
    bold(standingWord[each.standing]),
    ...gates.map((name) => cell(each.gates.find((gate) => gate.name === name))),
    each.release!.tag ? code(each.release!.tag) : code(each.release!.digest.slice(0, 19)),
  ])
  return [table(["family", "verdict", ...gates, "release"], rows)]
}

function cell(gate: GateState | undefined): string {
  if (!gate) return standingWord["NOT KNOWN"]
  const word = gate.standing === "PASS" && gate.brief ? "" : bold(standingWord[gate.standing])
  return [word, gate.standing === "PASS" ? escaped(gate.brief ?? "") : ""].filter(Boolean).join(" ")
}

function unchecked(known: FamilyState[]): string[] {
  const silent = gateOrder(
    known.flatMap(({ gates }) => gates.filter(({ standing }) => standing === "UNCHECKED").map(({ name }) => name)),
  )
  if (silent.length === 0) return []
  return [
    `> **Nobody looked**: ${listed(silent)} ${silent.length === 1 ? "is" : "are"} unchecked, as no advisory source was reachable. This is not a pass.`,
  ]
}

const failures = (family: FamilyState): string[] =>
  family.gates
    .filter(({ standing, findings }) => (standing === "FAIL" || standing === "ERROR") && findings.length > 0)
    .map(({ name, standing, findings }) => {
      const shown = worstFirst(findings).slice(0, most)
      const rest = findings.length - shown.length
      return [
        `**${escaped(family.family)}**, ${name}: ${standingWord[standing]}`,
        "",
        ...shown.map(item),
        ...(rest > 0 ? [`- and ${rest} more: \`fairlead report\``] : []),
      ].join("\n")
    })

const notes = (family: FamilyState): string[] => {
  const all = family.gates.filter(({ standing }) => standing !== "UNCHECKED").flatMap((gate) => gate.notes)
  const rest = all.length - most
  if (all.length === 0) return []
  return [
    [
      `**${escaped(family.family)}**`,
      "",
      ...all.slice(0, most).map(item),
      ...(rest > 0 ? [`- and ${rest} more: \`fairlead report\``] : []),
    ].join("\n"),
  ]
}

const item = ({ what, where, fix }: { what: string; where?: string; fix?: string }): string =>
  [
    `- ${prose(what)}`,
    ...(where ? [`  <br>${escaped(where)}`] : []),
    ...(fix ? [`  <br>**fix:** ${prose(fix)}`] : []),
  ].join("\n")

function acceptedTable(state: FleetState): string[] {
  const today = dayOf(state.now)
  const rows = state.families
    .flatMap((family) => vulnerabilities(family.gates).map((each) => ({ family, each, accepted: each.accepted })))
    .filter(({ accepted }) => accepted)
    .sort((a, b) => a.accepted!.reviewBy.localeCompare(b.accepted!.reviewBy))
    .map(({ family, each, accepted }) => [
      code(family.family),
      `${escaped(each.package)} ${escaped(each.ids[0] ?? "")}`,
      `${day(accepted!.reviewBy)} (in ${count(daysBetween(today, accepted!.reviewBy), "day")})`,
      escaped(accepted!.by),
      escaped(accepted!.reason),
    ])
  return rows.length > 0 ? [table(["family", "risk", "holds until", "who", "why"], rows)] : []
}

function sizeTable(known: FamilyState[]): string[] {
  const rows = known.map(({ family, release, budget }) => {
    const { compressed, uncompressed } = release!.size
    const part = (is: number, most: number) => (is > 0 ? `${bytes(is)} of ${bytes(most)}` : standingWord["NOT KNOWN"])
    const mark = compressed > budget.compressed || uncompressed > budget.uncompressed ? bold("over") : "within"
    return [
      code(family),
      part(compressed, budget.compressed),
      part(uncompressed, budget.uncompressed),
      compressed > 0 ? mark : standingWord["NOT KNOWN"],
    ]
  })
  return rows.length > 0 ? [table(["family", "pulled", "on disk", "budget"], rows)] : []
}

function changes({ family, release, before, gates }: FamilyState): string[] {
  const previous = previousOf(release!, before)
  if (!previous) return []
  const change = changeOf(previous, release!)
  const risks = vulnerabilities(gates)
  const vulnerable =
    lookedBy(gates).length > 0
      ? `, ${count(risks.filter((each) => !each.accepted).length, "open vulnerability", "open vulnerabilities")}`
      : ""
  if (!change) return [`- ${code(family)}: the packages of one of the two releases are not known`]
  const parts = [
    ...change.changed.map(({ name, from, to }) => `${name} ${from} → ${to}`),
    ...change.added.map(({ name, version }) => `+ ${name} ${version}`),
    ...change.removed.map(({ name, version }) => `− ${name} ${version}`),
  ]
  const shown = parts.slice(0, most).map(escaped).join(", ") || "the same packages"
  const rest = parts.length > most ? ` and ${parts.length - most} more` : ""
  return [`- ${code(family)}: ${shown}${rest}; ${difference(change.compressed)} pulled${vulnerable}`]
}

const section = (title: string, parts: string[]): string[] => {
  if (parts.length === 0) return []
  const lists = parts.every((part) => part.startsWith("- "))
  return [`### ${title}`, parts.join(lists ? "\n" : "\n\n")]
}

const names = (families: FamilyState[]): string => listed(families.map(({ family }) => code(family)))

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const bold = (text: string): string => (text === "ok" ? text : `**${text}**`)

/** Names come from images: nothing of them may become markup, a link or a new line. */
export const escaped = (text: string): string =>
  harmless(text)
    .replace(/\s+/g, " ")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[\\`*_[\]|~#!]/g, (mark) => `\\${mark}`)
    .trim()

/** What stands between backquotes is what a terminal is told. */
function prose(text: string): string {
  const parts = harmless(text).split("`")
  if (parts.length % 2 === 0) return escaped(text)
  return parts.map((part, index) => (index % 2 === 1 && part.trim() ? code(part) : spaced(part))).join("")
}

/** Escaped, with the space that joins it to what stands beside it. */
const spaced = (text: string): string =>
  `${/^\s/.test(text) ? " " : ""}${escaped(text)}${/\S\s+$/.test(text) ? " " : ""}`

const code = (text: string): string => {
  const plain = harmless(text).replace(/\s+/g, " ").replaceAll("|", "\\|")
  return plain.includes("`") ? escaped(text) : `\`${plain}\``
}
