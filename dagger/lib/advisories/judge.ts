import { harmless } from "../engine/engine.ts"
import type { Advisories, DatabaseSource, PythonSource } from "./advisories.ts"
import { wrongAge } from "./age.ts"
import type { FoundDatabase, ProbeAnswer } from "./answer.ts"
import type { AdvisoriesChoice, OnlineChoice } from "./choice.ts"

/** By what a source is judged. */
export interface AdvisoryRules {
  maxAgeDays: number
  /** Ages are counted to it. */
  now: Date
}

type Broken = { state: "broken"; why: string; fix: string }

/** Pure: what a run knows about advisories, from what the probe saw. */
export function judgeAdvisories(choice: AdvisoriesChoice, answer: ProbeAnswer, rules: AdvisoryRules): Advisories {
  if (choice.source === "none") return nobodyLooks(choice.by)
  if (choice.source === "folder") return folderSource(choice, answer, rules)
  return { database: databaseSource(choice, answer, rules), python: pythonSource(choice, answer) }
}

/** Chosen, not found out: nothing is asked. */
export function nobodyLooks(by: string): Advisories {
  const none = {
    state: "none" as const,
    why: `nobody looks, on purpose (${by})`,
    fix: 'take "none" away, or give a folder of OSV records: docs/advisories.md',
  }
  return { database: none, python: none }
}

/** Nobody wrote a source down, and none of the defaults can be reached from here. */
export const unreachable = (why: string): { state: "none"; why: string; fix: string } => ({
  state: "none",
  why: clean(`no advisory source is reachable: ${why}`),
  fix: howToGiveOne,
})

export const broken = (why: string, fix: string): Broken => ({ state: "broken", why: clean(why), fix })

const howToGiveOne =
  "name a mirror (policy.advisories.database, .python), or a folder of OSV records (--advisories FOLDER): docs/advisories.md"

function folderSource(
  { path, by }: { path: string; by: string },
  { folder }: ProbeAnswer,
  rules: AdvisoryRules,
): Advisories {
  const both = (state: Broken): Advisories => ({ database: state, python: state })
  if (!folder) return both(broken(`folder ${path}: nobody looked into it`, seeAgain))
  if ("wrong" in folder) {
    return both(broken(`folder ${path}: ${folder.wrong}`, `mend the folder, or name another one (${by})`))
  }
  const { digest, updatedAt, covers } = folder.found
  const old = tooOld(folder.found, `folder ${path}`, rules, "put newer records into it")
  if (old) return both(old)
  const from = `folder ${path}`
  return {
    database: { state: "ready", digest, updatedAt, from, covers },
    python: { state: "ready", service: "folder", from, digest, updatedAt },
  }
}

function databaseSource(
  { database: { by, refs } }: OnlineChoice,
  { database }: ProbeAnswer,
  rules: AdvisoryRules,
): DatabaseSource {
  if (!database) return broken("nobody asked for the database", seeAgain)
  const { found, kept, tried, discarded } = database
  if (found) return ready(found, found.from, rules)
  const why = [
    ...discarded.map((each) => `the kept database ${each}`),
    ...tried.map(({ ref, why }) => `${ref}: ${why}`),
  ]
  if (kept) {
    const judged = ready(kept, `${kept.from}, kept from ${kept.fetchedAt.slice(0, 10)}`, rules)
    return judged.state === "ready" ? judged : { ...judged, why: clean(`${judged.why}; ${why.join("; ")}`) }
  }
  if (!by && discarded.length === 0 && tried.every(({ absent }) => absent)) return unreachable(why.join("; "))
  return broken(
    why.join("; "),
    by
      ? `see that ${refs.join(" and ")} can be reached from here and holds a Trivy database (set by ${by})`
      : "run it again later; a mirror or a folder of OSV records needs no Internet: docs/advisories.md",
  )
}

/** A database of others knows Python and Debian, or it is not the one that the gates mean. */
function ready(found: FoundDatabase, from: string, rules: AdvisoryRules): DatabaseSource {
  const old = tooOld(found, from, rules, "see why the mirror does not follow")
  if (old) return old
  const { digest, updatedAt, covers } = found
  if (!covers.includes("pip") || !covers.some((each) => each.startsWith("debian "))) {
    const known = covers.join(", ") || "nothing"
    return broken(
      `${from}: the database knows ${known}, and no advisory for ${covers.includes("pip") ? "Debian" : "Python"} packages`,
      "name a whole Trivy database",
    )
  }
  return { state: "ready", digest, updatedAt, from, covers }
}

function pythonSource({ python: { service, url, by } }: OnlineChoice, { python }: ProbeAnswer): PythonSource {
  const from = service === "pypi" ? "pypi.org" : new URL(url).host
  if (!python) return broken(`nobody asked ${from}`, seeAgain)
  if (python.answers) return { state: "ready", service, from, ...(service === "osv" ? { url } : {}) }
  const why = python.why.includes(from) ? python.why : `${from}: ${python.why}`
  // Many sites have an index of their own behind this name, which knows packages and no vulnerabilities.
  if (!by) return unreachable(why)
  return broken(why, `see that ${url} answers as ${service === "pypi" ? "PyPI" : "OSV"} does (set by ${by})`)
}

function tooOld({ updatedAt }: FoundDatabase, from: string, rules: AdvisoryRules, renew: string): Broken | undefined {
  const wrong = wrongAge(updatedAt, rules, renew)
  return wrong && broken(`${from}: ${wrong.what}`, wrong.fix)
}

const seeAgain = "run `fairlead advisories` and see"

const clean = (text: string): string => harmless(text).replace(/\s+/g, " ").trim().slice(0, 1500)
