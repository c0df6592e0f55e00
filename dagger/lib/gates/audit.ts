import type { Advisories } from "../advisories/advisories.ts"
import { usesGpu } from "../fleet/hierarchy.ts"
import { dayMs } from "../risks/day.ts"
import { advisoryFindings, emptyServiceNotes, unaskedNote } from "./audit/advised.ts"
import { type AuditFacts, factsSchema } from "./audit/facts.ts"
import { gpuFindings } from "./audit/gpu.ts"
import { importFindings } from "./audit/imports.ts"
import { libraryFindings, libraryNotes } from "./audit/libraries.ts"
import { installedIn, lookUp } from "./audit/lookups.ts"
import { removableNotes } from "./audit/removable.ts"
import type { Gate } from "./gate.ts"
import { shaped } from "./probe.ts"
import { CouldNotLook, type Finding, type Judged } from "./verdict.ts"

export type { AuditFacts } from "./audit/facts.ts"

/**
 * Whether what is installed is known to be weak, and whether it can work at all: advisories for every Python package of the
 * image and its locks, an import of each promised module, the libraries of every program, and what nothing uses.
 */
export const audit: Gate<AuditFacts> & { readonly name: "audit" } = {
  name: "audit",
  async look(on) {
    const { python: source } = await on.advisories()
    if (source.state === "broken") throw new CouldNotLook(`audit: ${source.why}`, source.fix)
    const [{ digest }, inside] = await Promise.all([on.archived(), on.inside()])
    if (!inside) return { digest, image: null, source, lookups: null }
    const installed = installedIn(inside)
    const { imports, libraries, debian, used } = inside
    if (!libraries || libraries.looked === 0) {
      const [first] = libraries?.unseen.examples ?? []
      throw new CouldNotLook(
        `audit: no program or library of the image could be asked what it needs${first ? `: ${first.path}: ${first.why}` : ""}`,
      )
    }
    return {
      digest,
      image: { installed, imports, libraries, debian, used },
      source,
      lookups: source.state === "ready" ? await lookUp(on, source, installed) : null,
    }
  },
  judge(facts, rules): Judged<AuditFacts> {
    const { image, source, lookups } = facts
    if (!image) return { verdict: "FAIL", facts, findings: [noPython], brief: "no Python" }
    const gpu = usesGpu(rules.fleet, rules.family)
    const parts = {
      advisory: lookups ? advisoryFindings(lookups, rules) : [],
      import: importFindings(image, rules),
      library: libraryFindings(image, rules, gpu),
      "GPU package": gpu ? [] : gpuFindings(image, rules),
    }
    const findings = Object.values(parts).flat()
    const notes = [
      ...(source.state === "none" ? [unaskedNote(source)] : []),
      ...(lookups ? emptyServiceNotes(lookups, source) : []),
      ...libraryNotes(image, gpu),
      ...removableNotes(image, rules),
    ]
    const verdict = findings.length > 0 ? "FAIL" : lookups ? "PASS" : "UNCHECKED"
    return {
      verdict,
      facts,
      findings,
      notes,
      brief: findings.length > 0 ? briefOf(parts) : `${image.installed.length} pkg`,
    }
  },
  recall: (stored) => shaped("audit", stored, factsSchema),
  stale: ({ source, lookups }, { python: known }: Advisories, now) => {
    if (known.state !== source.state) return true
    if (known.state !== "ready" || source.state !== "ready") return known.state === "broken"
    if (known.service !== source.service || known.url !== source.url || known.digest !== source.digest) return true
    // A service has no digest that would tell whether it knows more by now.
    return known.digest === undefined && (!lookups || now.getTime() - Date.parse(lookups.at) > dayMs)
  },
}

const noPython: Finding = {
  what: "audit: the image has no Python, so neither packages nor libraries could be looked at",
  fix: "stand on base-python, or install Debian's python3 and make a virtual environment in /opt/venv",
}

/** "2 advisories, 1 library". */
const briefOf = (parts: Record<string, readonly Finding[]>): string =>
  Object.entries(parts)
    .filter(([, findings]) => findings.length > 0)
    .map(
      ([name, { length }]) => `${length} ${length === 1 ? name : name.replace(/y$/, "ie")}${length === 1 ? "" : "s"}`,
    )
    .join(", ")
