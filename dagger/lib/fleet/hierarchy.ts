import { wrongInput } from "../problem.ts"
import { type AppImage, appImages as derivedImages } from "./apps.ts"
import type { Allow, NamedFamily } from "./family.ts"
import type { Fleet } from "./fleet.ts"
import { closest } from "./names.ts"
import type { NamedService } from "./service.ts"
import { shown } from "./shown.ts"

/** The family with this name or alias, or the app image with this name. Throws a Problem (exit code 2) that lists the known ones. */
export function familyNamed(fleet: Fleet, nameOrAlias: string): NamedFamily {
  const { byName, byAlias, apps } = indexOf(fleet)
  const family = byName.get(nameOrAlias) ?? byAlias.get(nameOrAlias) ?? apps.get(nameOrAlias)
  if (family) return family
  const known = [...byName.values()].slice(0, 20).map(({ name, alias }) => `${name} (${alias})`)
  if (byName.size > known.length) known.push(`${byName.size - known.length} more`)
  const meant = closest(nameOrAlias, [...byName.keys(), ...byAlias.keys(), ...apps.keys()])
  throw wrongInput(`there is no family ${shown(nameOrAlias)}${meant ? `; did you mean ${meant}?` : ""}`, {
    fix: `use one of ${known.join(", ")}`,
  })
}

/** The family or app image with exactly this name, if there is one. */
export function imageNamed(fleet: Fleet, name: string): NamedFamily | undefined {
  const { byName, apps } = indexOf(fleet)
  return byName.get(name) ?? apps.get(name)
}

/** Every app image, in the order in which services name them. */
export const appImages = (fleet: Fleet): AppImage[] => [...indexOf(fleet).apps.values()]

/** A family and all that it stands on, the root first and the family itself last. */
export function lineage(fleet: Fleet, nameOrAlias: string): NamedFamily[] {
  const line: NamedFamily[] = []
  let family: NamedFamily | undefined = familyNamed(fleet, nameOrAlias)
  while (family) {
    line.push(family)
    family = family.parent === undefined ? undefined : familyNamed(fleet, family.parent)
  }
  return line.reverse()
}

/** The families that stand directly on a family, in the order of fleet.yaml. */
export const children = (fleet: Fleet, nameOrAlias: string): NamedFamily[] =>
  (indexOf(fleet).children.get(familyNamed(fleet, nameOrAlias).name) ?? []).slice()

/**
 * What must be built for these families: each once, after what it stands on, otherwise in the order in which they were
 * asked for. Asked for one family, it stands last.
 */
export function buildOrder(fleet: Fleet, namesOrAliases: Iterable<string>): NamedFamily[] {
  const order = new Map<string, NamedFamily>()
  for (const each of namesOrAliases) {
    const missing: NamedFamily[] = []
    let family: NamedFamily | undefined = familyNamed(fleet, each)
    while (family && !order.has(family.name)) {
      missing.push(family)
      family = family.parent === undefined ? undefined : familyNamed(fleet, family.parent)
    }
    for (const next of missing.reverse()) order.set(next.name, next)
  }
  return [...order.values()]
}

/** The services that name a family itself (not its children), or that run an app image, in the order of fleet.yaml. */
export function servicesOf(fleet: Fleet, nameOrAlias: string): NamedService[] {
  const { services, apps } = indexOf(fleet)
  const { name } = familyNamed(fleet, nameOrAlias)
  return (apps.get(name)?.services ?? services.get(name) ?? []).slice()
}

/** The pins that hold in a family: its own and those of all that it stands on. */
export const inheritedFrozen = (fleet: Fleet, nameOrAlias: string): Record<string, string> =>
  Object.assign({}, ...lineage(fleet, nameOrAlias).map(({ frozen }) => frozen))

/** The build arguments of a family: those of all that it stands on, overridden by its own. */
export const inheritedArgs = (fleet: Fleet, nameOrAlias: string): Record<string, string> =>
  Object.assign({}, ...lineage(fleet, nameOrAlias).map(({ args }) => args))

/** What the contract gate lets pass in a family: what it and all that it stands on allow. */
export function inheritedAllow(fleet: Fleet, nameOrAlias: string): Allow {
  const line = lineage(fleet, nameOrAlias).map(({ allow }) => allow)
  return {
    setuid: [...new Set(line.flatMap(({ setuid }) => setuid))],
    compilers: [...new Set(line.flatMap(({ compilers }) => compilers))],
    ports: [...new Set(line.flatMap(({ ports }) => ports))],
  }
}

/** The modules that a family promises to import: its own after those of all that it stands on. */
export const inheritedPackages = (fleet: Fleet, nameOrAlias: string): string[] => [
  ...new Set(lineage(fleet, nameOrAlias).flatMap(({ packages }) => packages)),
]

/** The Debian packages that a family wants by name: its own after those of all that it stands on. */
export const inheritedSystem = (fleet: Fleet, nameOrAlias: string): string[] => [
  ...new Set(lineage(fleet, nameOrAlias).flatMap(({ system }) => system)),
]

/** Whether a family, or one that it stands on, can use a GPU. */
export const usesGpu = (fleet: Fleet, nameOrAlias: string): boolean =>
  lineage(fleet, nameOrAlias).some(({ gpu }) => gpu)

interface Index {
  byName: Map<string, NamedFamily>
  byAlias: Map<string, NamedFamily>
  apps: Map<string, AppImage>
  children: Map<string, NamedFamily[]>
  services: Map<string, NamedService[]>
}

// A fleet never changes once it is loaded, so its index is made once: 1,000 families must order in milliseconds.
const indexes = new WeakMap<Fleet, Index>()

function indexOf(fleet: Fleet): Index {
  const known = indexes.get(fleet)
  if (known) return known
  const index: Index = {
    byName: new Map(),
    byAlias: new Map(),
    apps: new Map(derivedImages(fleet).map((image) => [image.name, image])),
    children: new Map(),
    services: new Map(),
  }
  for (const [name, family] of Object.entries(fleet.families)) {
    const named = { name, ...family }
    index.byName.set(name, named)
    index.byAlias.set(family.alias, named)
    if (family.parent !== undefined) append(index.children, family.parent, named)
  }
  for (const [name, service] of Object.entries(fleet.services)) {
    append(index.services, service.family, { name, ...service })
  }
  indexes.set(fleet, index)
  return index
}

function append<V>(lists: Map<string, V[]>, key: string, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
