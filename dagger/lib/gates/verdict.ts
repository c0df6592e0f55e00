/** What a gate answers: see "Verdicts" in docs/how-it-works.md. UNCHECKED and ERROR are never shown as PASS. */
export type Verdict = "PASS" | "ACCEPTED" | "FAIL" | "UNCHECKED" | "ERROR"

/** One thing a gate found, for people: what, where it was set, what was seen, and what to do next. */
export interface Finding {
  what: string
  where?: string
  evidence?: string
  fix?: string
  /** What somebody can accept by an entry in risks.yaml; findings without one can only be mended. */
  risk?: FoundRisk
}

/** A known weakness of a package in an image, by every name that it is known under. */
export interface FoundRisk {
  /** "CVE-2025-32434", "GHSA-…", "PYSEC-…"; the one that people know first. */
  ids: string[]
  /** The package's name in the image, or what else is at fault, such as a file's path. */
  package: string
  kind: "debian" | "python" | "other"
  installed?: string
  /** Versions that have the fix, the nearest first; empty where there is none. */
  fixed?: string[]
  severity?: "UNKNOWN" | "LOW" | "MEDIUM" | "HIGH" | "CRITICAL"
}

/** A finding that somebody answers for, until a day. */
export interface Accepted {
  what: string
  id: string
  package: string
  reason: string
  by: string
  /** "2027-02-20": the last day on which it holds. */
  reviewBy: string
  /** What was found, by all its names. */
  risk?: FoundRisk
}

/** One fact that a gate looked for: what was wanted, and what was found. */
export interface Check {
  /** Short and stable, such as "user" or "pin torch". */
  id: string
  says: string
  evidence: string
  passed: boolean
}

/** A gate's answer over facts of type F. */
export interface Judged<F = unknown> {
  verdict: Verdict
  facts: F
  /** What makes the verdict FAIL or ERROR. */
  findings: Finding[]
  /** UNCHECKED where nobody could look at the rest: accepting every finding of such a FAIL must not hide that. */
  otherwise?: "UNCHECKED"
  /** What people should know although it fails nothing: an end of life, a removable package, why nobody could look. */
  notes?: Finding[]
  /** Findings that risks.yaml lets pass; they are not among `findings`. */
  accepted?: Accepted[]
  /** Every fact that was looked for, for gates that look for several. */
  checks?: Check[]
  /** What fits into a cell of a table, such as "31/31" or "39 MB (budget 45)". */
  brief?: string
}

export const pass = <F>(facts: F): Judged<F> => ({ verdict: "PASS", facts, findings: [] })

export const fail = <F>(facts: F, findings: Finding[]): Judged<F> => ({ verdict: "FAIL", facts, findings })

/** PASS without findings, FAIL with them. */
export const judge = <F>(facts: F, findings: Finding[]): Judged<F> =>
  findings.length === 0 ? pass(facts) : fail(facts, findings)

/** Looked and could not see: a tool crashed, a report is empty or about another image. Becomes the verdict ERROR. */
export class CouldNotLook extends Error {
  override readonly name = "CouldNotLook"
  constructor(
    readonly what: string,
    readonly fix?: string,
  ) {
    super(what)
  }
}

// From best to worst: a set of gates is as good as its worst one.
const order: readonly Verdict[] = ["PASS", "ACCEPTED", "UNCHECKED", "FAIL", "ERROR"]

export const worst = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.reduce<Verdict>((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), "PASS")
