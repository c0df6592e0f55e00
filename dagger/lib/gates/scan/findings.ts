import { harmless } from "../../engine/engine.ts"
import { lineage } from "../../fleet/hierarchy.ts"
import { anyOf } from "../blueprint/fact.ts"
import type { Rules } from "../gate.ts"
import { originOf } from "../origin.ts"
import { isNewer, type Unblocked, unblockPython } from "../unblock.ts"
import type { Finding, FoundRisk } from "../verdict.ts"
import type { Report } from "./report.ts"

export type Vulnerability = Report["vulnerabilities"][number] & { madeBy: string; inBase: boolean }
export type Secret = Report["secrets"][number] & { madeBy: string }

/** A weakness that fails the release, with what would unblock it. */
export function vulnerabilityFinding(found: Vulnerability, rules: Rules): Finding {
  const { id, aliases, kind, installed, severity, title, source, path } = found
  const fixed = above(found)
  const risk = { ids: [id, ...aliases], package: found.package, kind, installed, fixed, severity } satisfies FoundRisk
  const of = source && source !== found.package ? ` (source ${source})` : ""
  const mended = fixed.length > 0 ? `fixed in ${fixed.join(", ")}` : "no version has a fix"
  const { where, fix } = unblocked(found, risk, rules)
  return {
    what: plain(`${severity} ${id} in ${found.package} ${installed}${of}, ${mended}${title ? `: ${title}` : ""}`),
    where,
    evidence: kind === "debian" || !path ? undefined : plain(path),
    fix,
    risk,
  }
}

/** Advisories name a version for each line of releases: those above the installed one, the nearest first. */
function above({ kind, fixed, installed }: Vulnerability): string[] {
  if (kind !== "python") return fixed
  const newer = fixed.filter((each) => isNewer(each, installed)).sort((a, b) => (isNewer(a, b) ? 1 : -1))
  return newer.length > 0 ? newer : fixed
}

function unblocked(found: Vulnerability, risk: FoundRisk, rules: Rules): Unblocked {
  if (found.kind === "python") return unblockPython(risk, rules)
  if (found.kind === "debian") return unblockDebian(found, rules)
  return { where: bringing(found, rules), fix: "take what has the fix, or leave the file out of the image" }
}

/**
 * An image has what Debian's mirror had when its layer was built; the layer stays as long as its inputs do. Docs/images.md:
 * packages of Debian are held by no lock.
 */
export function unblockDebian(found: Vulnerability, rules: Rules): Unblocked {
  const where = bringing(found, rules)
  const [version] = found.fixed
  if (version === undefined) {
    return { where, fix: `Debian has no fix: do without ${found.package}, or accept it with ${accept(found)}` }
  }
  const when = plain(`when the mirror has ${found.package} ${version}`)
  if (!found.inBase) return { where, fix: `${when}: \`fairlead ship --family ${rules.family} --no-cache\`` }
  const base = baseOf(rules)
  return {
    where,
    fix: `${when}: make the base anew, by moving epoch in fleet.yaml${base ? ` (where it is pulled, bases.${base.name}.digest)` : ""}, or install ${found.package} by name in the Dockerfile that stands on it`,
  }
}

const accept = ({ id }: Vulnerability): string => `\`fairlead risk accept ${id}\``

/** What put a package into the image: a line that names it, else the line that made its layer, else the base. */
function bringing({ package: name, madeBy, inBase }: Vulnerability, rules: Rules): string | undefined {
  const origin = originOf(rules)
  const base = inBase ? baseOf(rules) : undefined
  return (
    origin.set("RUN", anyOf([name])) ??
    (base ? `comes with ${base.image}, bases.${base.name} in fleet.yaml` : madeLine(madeBy, rules))
  )
}

/** The line of a Dockerfile that names the packages which a layer's history names. */
function madeLine(madeBy: string, rules: Rules): string | undefined {
  const origin = originOf(rules)
  const [, packages = ""] = /apt-get(?:-install| install)\s+(.*?)(?:&&|$)/.exec(madeBy) ?? []
  const names = packages.split(/\s+/).filter((each) => /^[a-z0-9][a-z0-9.+-]+$/.test(each))
  if (names.length === 0) return origin.file()
  const installing = new RegExp(`(?=.*apt-get)(?=.*${anyOf(names).source})`)
  return origin.set("RUN", installing) ?? origin.set("RUN", anyOf(names)) ?? origin.file()
}

function baseOf({ fleet, family }: Rules): { name: string; image: string } | undefined {
  const name = lineage(fleet, family)[0]?.base
  const image = name === undefined ? undefined : fleet.bases[name]?.image
  return name === undefined || image === undefined ? undefined : { name, image }
}

/** What looks like a secret, and where; never what it says. */
export function secretFinding({ path, rule, title, line, layer, madeBy }: Secret, rules: Rules): Finding {
  const file = path.split("/").at(-1) ?? path
  return {
    what: plain(`secret: ${title || rule} in ${path}${line > 0 ? `, line ${line}` : ""}`),
    where: originOf(rules).set(layer ? "COPY" : "ENV", anyOf([file])) ?? originOf(rules).file(),
    evidence: plain(layer ? `rule ${rule}, layer ${layer.slice(0, 19)}: ${madeBy}` : `rule ${rule}`),
    fix: "take it out of the layer that brings it (a later layer only hides it), and change it: it may have been seen; or accept the rule for this file",
    risk: { ids: [rule], package: path, kind: "other" },
  }
}

/** Names come from the image and from advisories: they must not steer a terminal. */
const plain = (text: string): string => harmless(text).replace(/\s+/g, " ")
