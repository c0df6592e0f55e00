import type { Advisories, DatabaseSource, PythonSource } from "../advisories/advisories.ts"
import type { AdvisoriesChoice } from "../advisories/choice.ts"
import { dayMs } from "../risks/day.ts"
import { line } from "./text.ts"

/** What `advisories --json` prints. */
export interface AdvisoriesReport {
  schema: 1
  source: "online" | "none" | "folder"
  /** Who said so: a flag, a variable or a key of fleet.yaml; absent for the default. */
  by?: string
  maxAgeDays: number
  database: DatabaseSource
  python: PythonSource
}

export const advisoriesReport = (
  choice: AdvisoriesChoice,
  { database, python }: Advisories,
  maxAgeDays: number,
): AdvisoriesReport => {
  const by = choice.source === "online" ? (choice.database.by ?? choice.python.by) : choice.by
  return { schema: 1, source: choice.source, ...(by ? { by } : {}), maxAgeDays, database, python }
}

/** Both halves, and what to do about the one that is not there. */
export function advisoriesText(report: AdvisoriesReport, now: Date): string {
  const { source, by, database, python } = report
  return [
    line("source", `${source} (${by ?? "default"})`),
    ...databaseLines(report, now),
    ...(python.state === "ready"
      ? [line("python", [python.from, python.url && `at ${python.url}`].filter(Boolean).join(" "))]
      : absent("python", python)),
    "",
    database.state === "ready" && python.state === "ready"
      ? line("ready", "audit and scan look vulnerabilities up")
      : line("note", `${lost(database, python)}: ${consequence(database, python)}`),
  ].join("\n")
}

function databaseLines({ database, maxAgeDays }: AdvisoriesReport, now: Date): string[] {
  if (database.state !== "ready") return absent("database", database)
  const { from, updatedAt, digest, covers } = database
  const days = Math.max(0, Math.floor((now.getTime() - Date.parse(updatedAt)) / dayMs))
  const age = `${updatedAt.slice(0, 10)}, ${days} ${days === 1 ? "day" : "days"} old, policy allows ${maxAgeDays}`
  return [
    line("database", `${from}, of ${age}`),
    line("", digest),
    ...(covers ? [line("", `knows ${covers.length > 0 ? covers.join(", ") : "nothing that images hold"}`)] : []),
  ]
}

const absent = (half: string, { state, why, fix }: { state: string; why: string; fix?: string }): string[] => [
  line(half, `${state}: ${why}`),
  ...(fix ? [line("", `fix: ${fix}`)] : []),
]

const lost = (database: DatabaseSource, python: PythonSource): string =>
  [database.state !== "ready" && "scan", python.state !== "ready" && "audit"].filter(Boolean).join(" and ")

const consequence = (database: DatabaseSource, python: PythonSource): string =>
  [database, python].some(({ state }) => state === "broken")
    ? "ERROR until it is mended, and nothing is published"
    : "UNCHECKED, which is enough for the embedded registry only"
