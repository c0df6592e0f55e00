import { harmless } from "../engine/engine.ts"
import type { FamilyState, FleetState, GateState } from "./state.ts"
import { standingWord } from "./words.ts"

/**
 * JUnit XML: a test suite per family, a test case per gate. FAIL is a failure, ERROR an error; UNCHECKED and what is not
 * known are skipped, since nobody looked.
 */
export function junit(state: FleetState): string {
  const suites = state.families.filter(({ release, buildable }) => release || buildable)
  const all = suites.flatMap(({ gates }) => gates)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: state.name, ...counts(all) })}>`,
    ...suites.map(suite),
    "</testsuites>",
    "",
  ].join("\n")
}

const suite = (family: FamilyState): string =>
  [
    `  <testsuite${attributes({ name: family.family, ...counts(family.gates), timestamp: family.release?.at?.slice(0, 19) })}>`,
    ...properties(family),
    ...family.gates.map((gate) => testCase(family, gate)),
    "  </testsuite>",
  ].join("\n")

function properties({ release }: FamilyState): string[] {
  if (!release) return []
  const all = Object.entries({ digest: release.digest, tag: release.tag, revision: release.revision })
  return [
    "    <properties>",
    ...all.flatMap(([name, value]) => (value ? [`      <property${attributes({ name, value })}/>`] : [])),
    "    </properties>",
  ]
}

function testCase({ family }: FamilyState, gate: GateState): string {
  const open = `    <testcase${attributes({ name: gate.name, classname: family, time: seconds(gate.seconds ?? 0) })}`
  const inside = outcome(gate)
  return inside ? `${open}>\n${inside}\n    </testcase>` : `${open}/>`
}

function outcome({ standing, findings, notes, accepted, brief }: GateState): string | undefined {
  const message = findings[0]?.what ?? brief ?? standingWord[standing]
  if (standing === "FAIL" || standing === "ERROR") {
    const tag = standing === "FAIL" ? "failure" : "error"
    const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : ""
    return `      <${tag}${attributes({ type: standing, message: `${message}${more}` })}>${text(findings.map(told).join("\n"))}</${tag}>`
  }
  if (standing === "UNCHECKED") {
    const why = notes[0]?.what ?? "nobody could look: no advisory source"
    return `      <skipped${attributes({ message: `unchecked: ${why}` })}/>`
  }
  if (standing === "NOT KNOWN")
    return `      <skipped${attributes({ message: "not known: there is no record to read" })}/>`
  if (accepted.length === 0) return undefined
  const lines = accepted.map((each) => `accepted until ${each.reviewBy} by ${each.by}: ${each.what} (${each.reason})`)
  return `      <system-out>${text(lines.join("\n"))}</system-out>`
}

const told = ({ what, where, evidence, fix }: GateState["findings"][number]): string =>
  [what, where, evidence, fix && `fix: ${fix}`].filter(Boolean).join("\n  ")

function counts(gates: readonly GateState[]): Record<string, string> {
  const of = (...standings: string[]) => String(gates.filter(({ standing }) => standings.includes(standing)).length)
  return {
    tests: String(gates.length),
    failures: of("FAIL"),
    errors: of("ERROR"),
    skipped: of("UNCHECKED", "NOT KNOWN"),
    time: seconds(gates.reduce((sum, gate) => sum + (gate.seconds ?? 0), 0)),
  }
}

const seconds = (count: number): string => count.toFixed(3)

const attributes = (all: Record<string, string | undefined>): string =>
  Object.entries(all)
    .map(([name, value]) => (value === undefined ? "" : ` ${name}="${text(value).replace(/\n/g, "&#10;")}"`))
    .join("")

// XML 1.0 has no place for most control characters, U+FFFE, U+FFFF and halves of surrogate pairs, not even escaped.
const text = (value: string): string =>
  harmless(value)
    .replace(/[\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
