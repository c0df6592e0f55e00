import { children, familyNamed, lineage } from "../fleet/hierarchy.ts"
import { readLock } from "./blueprint/lock.ts"
import { normalName, sameVersion } from "./blueprint/version.ts"
import type { Rules } from "./gate.ts"
import type { FoundRisk } from "./verdict.ts"

/** What would let a release pass that a weakness holds up. */
export interface Unblocked {
  /** The line that decides about the package: of a lock, or of fleet.yaml. */
  where?: string
  fix: string
}

/**
 * What unblocks a weakness of a Python package: the nearest version with the fix, if the frozen baseline allows it, of the
 * family and of those that stand on it. `risk.fixed` holds versions above the installed one, the nearest first.
 */
export function unblockPython(risk: FoundRisk, rules: Rules): Unblocked {
  const name = normalName(risk.package)
  const accept = `\`fairlead risk accept ${risk.ids[0]}\``
  const locked = lockOf(name, rules)
  const where = locked && `set by ${locked.path}:${locked.line}  ${name}==${locked.version}`
  const [nearest] = risk.fixed ?? []
  if (nearest === undefined)
    return { where, fix: `no version of ${name} has a fix: do without it, or accept it with ${accept}` }
  const frozen = frozenBy(name, rules)
  const holding = frozen.find(({ version }) => !mends(version, risk.fixed!))
  if (holding) {
    const { family, version } = holding
    return {
      where,
      fix: `${name} ${nearest} has the fix, and fleet.yaml freezes ${name} ${version} in ${family}: accept it with ${accept}, or change the baseline`,
    }
  }
  const [pin] = frozen
  if (pin) return { where, fix: `install ${name} ${pin.version}, as fleet.yaml freezes it in ${pin.family}` }
  if (!locked) return { fix: `no lock names ${name}: take it out, or lock ${name} ${nearest}` }
  return { where, fix: `raise ${name} to ${nearest} in ${sourceOf(locked.path)}, then \`fairlead lock\`` }
}

/** The first lock of the line that names a package: its children repeat what it says. */
export function lockOf(name: string, { fleet, family, locks }: Rules) {
  for (const { lock } of lineage(fleet, family)) {
    const found = lock && readLock(locks[lock] ?? "").packages.find((each) => each.name === name)
    if (found) return { path: lock, ...found }
  }
  return undefined
}

/** `requirements/x.lock` is made from `requirements/x.in`. */
export const sourceOf = (lock: string): string => lock.replace(/\.[^./]*$/, ".in")

/** Pins of a package in a family's line, then in the families that stand on it and would get the other version. */
function frozenBy(name: string, { fleet, family }: Rules): { family: string; version: string }[] {
  const { name: own } = familyNamed(fleet, family)
  const around = [...lineage(fleet, own).reverse(), ...below(own)]
  return around.flatMap(({ name: holder, frozen }) =>
    Object.entries(frozen).flatMap(([pinned, version]) =>
      normalName(pinned) === name ? [{ family: holder, version }] : [],
    ),
  )
  function below(each: string): ReturnType<typeof children> {
    return children(fleet, each).flatMap((child) => [child, ...below(child.name)])
  }
}

const mends = (version: string, fixed: readonly string[]): boolean =>
  fixed.some((each) => sameVersion(version, each)) || (fixed.length === 1 && isNewer(version, fixed[0]!))

/** By release numbers alone: a frozen pin is a release, never a preview of one. */
export function isNewer(one: string, other: string): boolean {
  const numbers = (version: string) =>
    version
      .split(/[+-]|(?<=[0-9])(?=[a-z])/i)[0]!
      .split(".")
      .map(Number)
  const [a, b] = [numbers(one), numbers(other)]
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}
