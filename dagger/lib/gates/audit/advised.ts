import type { PythonSource } from "../../advisories/advisories.ts"
import type { Rules } from "../gate.ts"
import { unblockPython } from "../unblock.ts"
import type { Finding, FoundRisk } from "../verdict.ts"
import type { LookedUp, Lookups } from "./facts.ts"

/** One finding for each package and weakness, wherever the package stands; those that no version mends as well. */
export function advisoryFindings({ packages }: Lookups, rules: Rules): Finding[] {
  const weak: { looked: LookedUp; ids: string[]; fixed: string[]; summary: string }[] = []
  for (const looked of packages) {
    for (const { ids, fixed, summary } of looked.advisories) {
      // Some are known under a name in the image and under another one for the version in a lock.
      const known = weak.find((each) => each.looked.name === looked.name && each.ids.some((id) => ids.includes(id)))
      if (known) {
        known.ids = [...new Set([...known.ids, ...ids])]
        known.looked = { ...known.looked, found: [...known.looked.found, ...looked.found] }
      } else weak.push({ looked, ids, fixed, summary })
    }
  }
  return weak
    .map(({ looked, ...weakness }) => findingOf(looked, weakness, rules))
    .sort((a, b) => a.what.localeCompare(b.what, "en", { numeric: true }))
}

function findingOf(
  { name, found }: LookedUp,
  { ids, fixed, summary }: { ids: string[]; fixed: string[]; summary: string },
  rules: Rules,
): Finding {
  const installed = (found.find((each) => each.in === "image") ?? found[0]!).version
  const risk: FoundRisk = { ids, package: name, kind: "python", installed, fixed }
  const others = ids.length > 1 ? ` (${ids.slice(1, 4).join(", ")})` : ""
  return {
    what: `${name} ${installed} has ${ids[0]}${others}, ${fixed.length > 0 ? `fixed in ${fixed[0]}` : "which no version has a fix for"}`,
    evidence: `${summary || "no summary"}; found in ${placesOf(found)}`,
    ...unblockPython(risk, rules),
    risk,
  }
}

/** "the image and dockerfiles/requirements/family-web.lock". */
function placesOf(found: LookedUp["found"]): string {
  const places = [...new Set(found.map((each) => (each.in === "image" ? "the image" : each.in)))]
  return places.length < 2 ? places.join() : `${places.slice(0, -1).join(", ")} and ${places.at(-1)}`
}

export const unaskedNote = ({ why, fix }: Extract<PythonSource, { state: "none" }>): Finding => ({
  what: `nobody looked for known weaknesses of Python packages: ${why}`,
  fix: fix ?? "run `fairlead doctor advisories`, which says how to give this site a source",
})

/** A mirror may be a small one, so that knowing little proves nothing; people should know. */
export const emptyServiceNotes = ({ canary }: Lookups, source: PythonSource): Finding[] =>
  canary === false
    ? [
        {
          what: `${source.state === "ready" ? source.from : "the service"} knows of no weakness in jinja2 2.10, which has some`,
          fix: "see that the mirror has OSV's records for PyPI",
        },
      ]
    : []
