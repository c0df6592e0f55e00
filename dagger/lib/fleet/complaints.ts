import type { z } from "zod"
import { Problems, wrongInput } from "../problem.ts"
import type { Complaint } from "./rules/rule.ts"
import { knownKeys, unknownKey } from "./sentence.ts"
import { placed, type YamlData } from "./yaml.ts"

// Whoever has this many things to mend runs it again anyway.
const enough = 100

/** What zod found wrong, as complaints with a path. */
export function* schemaComplaints(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): Iterable<Complaint> {
  for (const issue of issues) {
    const path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(schema, path)
      for (const key of issue.keys) yield { path: [...path, key], what: unknownKey(key, known) }
    } else {
      yield { path, what: issue.message }
    }
  }
}

/** Throws what is wrong with a file, in the order of its lines; returns where nothing is. */
export function refuse(complaints: Iterable<Complaint>, file: YamlData, fileName: string): void {
  const heard: Complaint[] = []
  for (const complaint of complaints) {
    heard.push(complaint)
    if (heard.length > enough) break
  }
  if (heard.length === 0) return
  const problems = heard
    .slice(0, enough)
    .map((complaint) => ({ ...complaint, line: file.line(complaint.path) }))
    .sort((a, b) => a.line - b.line)
    .map(({ path, what, line }) => wrongInput(`${what} (line ${line})`, { where: placed(fileName, path) }))
  if (heard.length > enough) problems.push(wrongInput("has more wrong with it; mend these first", { where: fileName }))
  throw new Problems(problems)
}
