import { createHash } from "node:crypto"
import { harmless } from "../engine/engine.ts"
import { normalName } from "../gates/blueprint/version.ts"
import type { Accepted, Finding } from "../gates/verdict.ts"
import type { FamilyState, FleetState, GateState } from "./state.ts"
import { gateOrder } from "./state.ts"
import type { Severity } from "./vulnerabilities.ts"
import { placeIn } from "./where.ts"

type Level = "error" | "warning" | "note"

interface Rule {
  id: string
  shortDescription: { text: string }
  properties: { tags: string[]; "security-severity"?: string }
}

interface Result {
  ruleId: string
  ruleIndex: number
  level: Level
  message: { text: string }
  locations: object[]
  partialFingerprints: Record<string, string>
  suppressions?: object[]
}

/** What a run says of one family by one gate, before it is put into SARIF's words. */
interface Said {
  rule: string
  about: string
  level: Level
  severity?: Severity
  text: string
  where?: string
  python: boolean
  /** What makes it the same result in the next release: no version, no line, no count. */
  same: string
  accepted?: Accepted
}

/**
 * SARIF 2.1.0 for code scanning: a run per gate. A gate that nobody could look with leaves a result that says so, as a run
 * without results would read like a clean one.
 */
export function sarif(state: FleetState, version: string): object {
  const families = state.families.filter(({ release }) => release)
  const gates = gateOrder(families.flatMap((each) => each.gates.map(({ name }) => name)))
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: gates.map((name) => run(state, name, families, version)),
  }
}

function run(state: FleetState, gate: string, families: FamilyState[], version: string): object {
  const asked = families.flatMap((family) => {
    const found = family.gates.find(({ name }) => name === gate)
    return found ? [{ family, gate: found }] : []
  })
  const said = asked.flatMap((each) => saidBy(each.gate).map((one) => ({ ...one, family: each.family })))
  const rules = new Map<string, Rule>()
  for (const one of said) if (!rules.has(one.rule)) rules.set(one.rule, rule(gate, one))
  const order = [...rules.keys()]
  const seen = asked.every(({ gate: { standing } }) => !unseen.includes(standing))
  return {
    tool: { driver: { name: "fairlead", semanticVersion: version, rules: [...rules.values()] } },
    automationDetails: { id: `fairlead/${state.name}/${gate}` },
    invocations: [
      {
        executionSuccessful: seen,
        toolExecutionNotifications: said.flatMap(({ rule: id, text, family }) =>
          id === `${gate}/not-looked`
            ? [{ level: "error", message: { text: plain(`${family.family}: ${text}`) } }]
            : [],
        ),
      },
    ],
    originalUriBaseIds: { SRCROOT: { description: { text: "The root of the fleet's repository." } } },
    columnKind: "utf16CodeUnits",
    results: said.map((one): Result => result(gate, one, order.indexOf(one.rule))),
  }
}

const unseen: readonly string[] = ["ERROR", "UNCHECKED", "NOT KNOWN"]

function saidBy(gate: GateState): Said[] {
  const { name, standing, findings, notes, accepted } = gate
  if (unseen.includes(standing)) {
    const why = findings[0]?.what ?? notes[0]?.what
    const text = `${name} is ${standing}, nobody could look${why ? `: ${why}` : ""}`
    const fix = findings[0]?.fix ?? notes[0]?.fix
    const level = standing === "ERROR" ? "error" : "warning"
    const about = `Nobody could look through the gate ${name}`
    return [
      {
        rule: `${name}/not-looked`,
        about,
        level,
        text: fix ? `${text}\nfix: ${fix}` : text,
        python: false,
        same: "not looked",
      },
    ]
  }
  return [
    ...findings.map((each) => fromFinding(name, each)),
    ...accepted.map((each) => fromAccepted(name, each)),
    ...notes.map((each): Said => ({ ...fromFinding(name, each), level: "note" })),
  ]
}

const levels: Record<Severity, Level> = {
  CRITICAL: "error",
  HIGH: "error",
  MEDIUM: "warning",
  LOW: "note",
  UNKNOWN: "warning",
}

function fromFinding(gate: string, { what, where, evidence, fix, risk }: Finding): Said {
  const text = [what, evidence, fix && `fix: ${fix}`].filter(Boolean).join("\n")
  // "user: image runs as root": what stands before the colon is the fact's own short name.
  const topic = /^([a-z][a-z0-9 .-]{0,40}):/i.exec(what)?.[1]?.trim().replaceAll(" ", "-")
  if (!risk)
    return {
      rule: `${gate}/${topic ?? "finding"}`,
      about: topic ? `The gate ${gate}, ${topic}` : `A finding of the gate ${gate}`,
      level: "error",
      text,
      where,
      python: false,
      same: topic ?? what.replace(/[0-9]+(?:[.,][0-9]+)*/g, "#"),
    }
  return {
    rule: risk.ids[0]!,
    about: risk.ids.join(", "),
    level: levels[risk.severity ?? "UNKNOWN"],
    severity: risk.severity,
    text,
    where,
    python: risk.kind === "python",
    same: normalName(risk.package),
  }
}

function fromAccepted(gate: string, accepted: Accepted): Said {
  const { what, id, package: name, risk = { ids: [id], package: name, kind: "other" as const } } = accepted
  return { ...fromFinding(gate, { what, risk }), accepted }
}

// As GitHub's code scanning reads them: over 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium.
const scores: Partial<Record<Severity, string>> = { CRITICAL: "9.5", HIGH: "8.0", MEDIUM: "5.5", LOW: "2.0" }

const rule = (gate: string, { rule: id, about, severity }: Said): Rule => ({
  id: plain(id),
  shortDescription: { text: plain(about) },
  properties: {
    tags: ["security", gate],
    ...(severity && scores[severity] ? { "security-severity": scores[severity] } : {}),
  },
})

function result(gate: string, said: Said & { family: FamilyState }, ruleIndex: number): Result {
  const { family, accepted } = said
  const { file, line } = placeIn(said.where) ?? { file: fallback(said) }
  const id = createHash("sha256").update([family.family, gate, said.rule, said.same].join("\0")).digest("hex")
  return {
    ruleId: plain(said.rule),
    ruleIndex,
    level: said.level,
    message: { text: plain(`${family.family}: ${said.text}`) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file, uriBaseId: "SRCROOT" },
          region: { startLine: line ?? 1 },
        },
        logicalLocations: [{ name: family.family, kind: "module" }],
      },
    ],
    // GitHub tells results apart by the first, others by any: the same for the same weakness in every release.
    partialFingerprints: { primaryLocationLineHash: `${id.slice(0, 32)}:1`, "fairlead/v1": id },
    ...(accepted
      ? {
          suppressions: [
            {
              kind: "external",
              status: "accepted",
              justification: plain(`${accepted.reason} (accepted by ${accepted.by} until ${accepted.reviewBy})`),
            },
          ],
        }
      : {}),
  }
}

const fallback = ({ python, family }: { python: boolean; family: FamilyState }): string =>
  (python ? family.lock : undefined) ?? family.dockerfile ?? "fleet.yaml"

const plain = (text: string): string => harmless(text).trim()
