import { lineage } from "../fleet/hierarchy.ts"
import { dayMs, dayOf } from "../risks/day.ts"
import type { Rules } from "./gate.ts"
import type { Finding } from "./verdict.ts"

/** What an image stands on, as it was seen in it. */
export interface Standing {
  release: { id: string; codename: string }
  /** "3.11.2". */
  python: string
  /** What Trivy says, which knows more distributions; undefined where nobody asked it. */
  eosl?: boolean
}

/** Something that gets no fixes after a day. */
interface Ending {
  name: string
  version: string
  /** The last day with fixes, "2028-06-30". */
  ends: string
  /** The last day on which its first makers fixed it; others do until `ends`. */
  regular?: string
  source: string
}

const lts = "https://wiki.debian.org/LTS"
const devguide = "https://devguide.python.org/versions/"

// Debian's long-term support counts: fixes come by the same security archive. Trivy 0.69.3 has 3000-01-01 for Debian 13.
const debian: Record<string, Omit<Ending, "name">> = {
  bullseye: { version: "11", ends: "2026-08-31", regular: "2024-08-14", source: lts },
  bookworm: { version: "12", ends: "2028-06-30", regular: "2026-07-11", source: lts },
  trixie: { version: "13", ends: "2030-06-30", regular: "2028-08-09", source: lts },
}

// The month is all that is promised: its last day is taken. 3.10: as the fleet's blueprint has it.
const python: Record<string, string> = {
  "3.9": "2025-10-31",
  "3.10": "2026-10-31",
  "3.11": "2027-10-31",
  "3.12": "2028-10-31",
  "3.13": "2029-10-31",
  "3.14": "2030-10-31",
}

const soonDays = 180
/**
 * What gets no fixes any more, or soon none. No scanner counts it, since nobody writes "fixed in" for what is not fixed.
 * Past its end and not said in fleet.yaml is a finding; said there, it is a note.
 */
export function endOfLife(standing: Standing, rules: Rules): { findings: Finding[]; notes: Finding[] } {
  const findings: Finding[] = []
  const notes: Finding[] = []
  const endings = endingsOf(standing)
  for (const ending of endings) {
    const days = Math.ceil((Date.parse(`${ending.ends}T23:59:59Z`) - rules.now.getTime()) / dayMs)
    if (days <= 0) {
      const said = saidBy(ending, rules)
      if (said) notes.push({ what: `${titled(ending)} gets no fixes since ${ending.ends}, as ${said} says` })
      else findings.push(past(ending, rules))
    } else if (days <= soonDays) {
      notes.push({
        what: `${titled(ending)} gets no fixes after ${ending.ends}, in ${days} days`,
        where: ending.source,
      })
    } else if (ending.regular && dayOf(rules.now) > ending.regular) {
      const until = `long-term support alone fixes it until ${ending.ends}`
      notes.push({ what: `${titled(ending)}: since ${ending.regular} ${until}`, where: ending.source })
    }
  }
  const { release, eosl } = standing
  const system = endings.find(({ name }) => name === "Debian")
  if (eosl && !findings.some(({ risk }) => risk?.package === release.id) && !(system && saidBy(system, rules)))
    findings.push(withdrawn(release))
  if (!system && !eosl) notes.push({ what: `nobody here knows until when ${distribution(release)} gets fixes` })
  if (!endings.some(({ name }) => name === "Python"))
    notes.push({ what: `nobody here knows until when Python ${standing.python} gets fixes` })
  return { findings, notes }
}

function endingsOf({ release, python: version }: Standing): Ending[] {
  const system = release.id === "debian" ? debian[release.codename] : undefined
  const minor = version.split(".").slice(0, 2).join(".")
  const ends = python[minor]
  return [
    ...(system ? [{ name: "Debian", ...system }] : []),
    ...(ends ? [{ name: "Python", version: minor, ends, source: devguide }] : []),
  ]
}

/** The family of the line that says so in fleet.yaml. Sources name months, so the month is compared. */
function saidBy({ ends }: Ending, { fleet, family }: Rules): string | undefined {
  const said = lineage(fleet, family).find((each) => each.endOfLife?.slice(0, 7) === ends.slice(0, 7))
  return said && `families.${said.name}.endOfLife`
}

const past = (ending: Ending, { family }: Rules): Finding => ({
  what: `end of life: ${titled(ending)} gets no fixes since ${ending.ends}, and fleet.yaml does not say so`,
  where: ending.source,
  fix: `move to a newer ${ending.name}, or write endOfLife: "${ending.ends}" to families.${family} in fleet.yaml`,
  risk: {
    ids: [`end-of-life-${ending.name.toLowerCase()}-${ending.version}`],
    package: ending.name.toLowerCase(),
    kind: "other",
    installed: ending.version,
    fixed: [],
  },
})

const withdrawn = (release: Standing["release"]): Finding => ({
  what: `end of life: Trivy knows ${distribution(release)} as one that gets no fixes any more`,
  fix: "stand on a base whose distribution gets fixes",
  risk: { ids: [`end-of-life-${release.id}`], package: release.id, kind: "other", fixed: [] },
})

const titled = ({ name, version }: Ending): string => `${name} ${version}`

const distribution = ({ id, codename }: Standing["release"]): string => [id, codename].filter(Boolean).join(" ") || "it"
