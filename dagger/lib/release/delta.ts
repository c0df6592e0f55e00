import { normalName } from "../gates/blueprint/version.ts"
import type { Package } from "./contents.ts"

/** What became of the packages of an image: against its parent, or against its last release. */
export interface Delta {
  added: Package[]
  removed: Package[]
  changed: { kind: Package["kind"]; name: string; from: string; to: string }[]
}

/** Packages by kind and name. One that is there in several versions counts as changed only where it has one in each. */
export function delta(before: readonly Package[], after: readonly Package[]): Delta {
  const [old, now] = [byName(before), byName(after)]
  const change: Delta = { added: [], removed: [], changed: [] }
  for (const key of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [was, is] = [old.get(key) ?? [], now.get(key) ?? []]
    const gone = was.filter(({ version }) => !is.some((each) => each.version === version))
    const come = is.filter(({ version }) => !was.some((each) => each.version === version))
    const [from, to] = [gone[0], come[0]]
    if (from && to && gone.length === 1 && come.length === 1)
      change.changed.push({ kind: to.kind, name: to.name, from: from.version, to: to.version })
    else {
      change.removed.push(...gone)
      change.added.push(...come)
    }
  }
  return change
}

/** "+3 packages, -1 package, starlette 0.37.2 → 0.37.3"; "no package changed". */
export function deltaLine({ added, removed, changed }: Delta, most = 5): string {
  const counted = (sign: string, { length }: { length: number }) =>
    length > 0 ? [`${sign}${length} ${length === 1 ? "package" : "packages"}`] : []
  const shown = changed.slice(0, most).map(({ name, from, to }) => `${name} ${from} → ${to}`)
  const more = changed.length > most ? [`${changed.length - most} more changed`] : []
  return [...counted("+", added), ...counted("-", removed), ...shown, ...more].join(", ") || "no package changed"
}

/** Each package in a line of its own, for those who want all of it. */
export const deltaLines = ({ added, removed, changed }: Delta): string[] => [
  ...added.map(({ name, version }) => `+ ${name} ${version}`),
  ...removed.map(({ name, version }) => `- ${name} ${version}`),
  ...changed.map(({ name, from, to }) => `${name} ${from} → ${to}`),
]

function byName(packages: readonly Package[]): Map<string, Package[]> {
  const found = new Map<string, Package[]>()
  for (const each of packages) {
    const key = `${each.kind} ${each.kind === "python" ? normalName(each.name) : each.name}`
    const same = found.get(key) ?? []
    if (!same.some(({ version }) => version === each.version)) found.set(key, [...same, each])
  }
  return found
}
