import { humanBytes } from "../../fleet/bytes.ts"
import { inheritedSystem } from "../../fleet/hierarchy.ts"
import type { Rules } from "../gate.ts"
import { originOf } from "../origin.ts"
import type { Finding } from "../verdict.ts"
import { debianLibrary } from "./debian-libraries.ts"
import type { AuditedImage } from "./facts.ts"
import { missingLibrary } from "./imports.ts"

type Package = AuditedImage["debian"][number]

// Every service speaks TLS, and the contract wants the certificates.
const always = ["ca-certificates"]

/** System packages that nothing in the image makes use of and that nobody asked for, as one note. */
export function removableNotes(image: AuditedImage, rules: Rules): Finding[] {
  const wanted = [...inheritedSystem(rules.fleet, rules.family), ...missed(image)]
  const spare = removable(image, wanted).sort((a, b) => b.bytes - a.bytes)
  if (spare.length === 0) return []
  const bytes = spare.reduce((sum, each) => sum + each.bytes, 0)
  return [
    {
      what: `${spare.length} system ${spare.length === 1 ? "package" : "packages"} that nothing uses, ${humanBytes(bytes)}`,
      where: originOf(rules).file(),
      evidence: spare.map((each) => `${each.name} (${humanBytes(each.bytes)})`).join(", "),
      fix: `leave ${spare.length === 1 ? "it" : "them"} out, or name what is wanted in families.${rules.family}.system in fleet.yaml`,
    },
  ]
}

/** The packages whose libraries are asked for in vain: who takes a file away does not make its package a spare one. */
function missed({ imports, libraries }: AuditedImage): string[] {
  const failed = imports.filter(({ imported }) => !imported)
  const packages = [
    ...libraries.missing.map(({ library }) => debianLibrary(library)?.package),
    ...failed.map(({ error, further }) => missingLibrary([error ?? "", ...further])?.package),
  ]
  return packages.filter((each) => each !== undefined)
}

/** What is left when Debian's own foundation, what is used and what is asked for are taken away, each with what it depends on. */
export function removable(
  { debian, used }: Pick<AuditedImage, "debian" | "used">,
  wanted: readonly string[],
): Package[] {
  const having = new Map<string, Package[]>()
  for (const each of debian) {
    for (const name of [each.name, ...each.provides]) having.set(name, [...(having.get(name) ?? []), each])
  }
  const foundation = debian.filter(
    ({ essential, priority }) => essential || priority === "required" || priority === "important",
  )
  const open = [...foundation.map(({ name }) => name), ...always, ...used, ...wanted]
  const kept = new Set<Package>()
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const each of having.get(name) ?? []) {
      if (kept.has(each)) continue
      kept.add(each)
      open.push(...each.depends.flat())
    }
  }
  return debian.filter((each) => !kept.has(each))
}
