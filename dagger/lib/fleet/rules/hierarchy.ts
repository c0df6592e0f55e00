import { humanBytes } from "../bytes.ts"
import type { Family } from "../family.ts"
import { closest, owned } from "../names.ts"
import { shown } from "../shown.ts"
import type { Complaint, Draft, Entries } from "./rule.ts"

/** Every family and every builder stands on exactly one thing, and that thing exists. */
export function* standsOnOneThing(draft: Draft): Iterable<Complaint> {
  for (const section of ["families", "builders"] as const) {
    for (const [name, { base, parent }] of draft[section]) {
      const path = [section, name]
      if (base !== undefined && parent !== undefined) {
        yield { path, what: `has a base (${base}) and a parent (${parent}); keep one of the two` }
      } else if (base === undefined && parent === undefined) {
        yield { path, what: "stands on nothing; give it a base or a parent" }
      }
      if (base !== undefined && !draft.bases.has(base) && !draft.bases.names.has(base)) {
        yield { path: [...path, "base"], what: unknown(base, "base", draft) }
      }
      if (parent !== undefined && !draft.families.names.has(parent)) {
        yield { path: [...path, "parent"], what: unknown(parent, "parent", draft) }
      }
    }
  }
}

function unknown(name: string, as: "base" | "parent", { bases, families }: Draft): string {
  const [here, there] = as === "base" ? [bases.names, families.names] : [families.names, bases.names]
  if (there.has(name))
    return `${name} is a ${as === "base" ? "family" : "base"}; write ${as === "base" ? "parent" : "base"}: ${name}`
  return `there is no ${as === "base" ? "base" : "family"} ${shown(name)}${orAlias(name, families) ?? didYouMean(name, here)}`
}

/** For a family that was named by its alias where its name belongs. */
export function orAlias(name: string, families: Entries<Family>): string | undefined {
  for (const [family, { alias }] of families)
    if (alias === name) return `; that is the alias of ${family}, write the name`
}

/** A near miss, or what there is. */
export function didYouMean(name: string, known: ReadonlySet<string>): string {
  const meant = closest(name, known)
  if (meant) return `; did you mean ${meant}?`
  return known.size > 0 ? `; known are ${[...known].slice(0, 20).join(", ")}` : ""
}

/** No family stands on itself. */
export function* noCircles({ families }: Draft): Iterable<Complaint> {
  const done = new Set<string>()
  for (const start of families.keys()) {
    const walk: string[] = []
    const seen = new Map<string, number>()
    let name: string | undefined = start
    while (name !== undefined && !done.has(name) && !seen.has(name)) {
      seen.set(name, walk.length)
      walk.push(name)
      name = families.get(name)?.parent
    }
    if (name !== undefined && seen.has(name)) {
      const circle = walk.slice(seen.get(name))
      yield {
        path: ["families", name, "parent"],
        what: `${name} stands on itself: ${way(circle, name)}; break the circle`,
      }
    }
    for (const each of walk) done.add(each)
  }
}

const way = (circle: string[], back: string): string =>
  [...(circle.length > 10 ? [...circle.slice(0, 5), "…", ...circle.slice(-4)] : circle), back].join(" → ")

/** What a family promises holds in its children: the Python, the frozen versions. */
export function* childrenKeepPromises({ families }: Draft): Iterable<Complaint> {
  for (const [name, { parent, python, frozen }] of families) {
    const above = parent === undefined ? undefined : families.get(parent)
    if (above && above.python !== python) {
      yield {
        path: ["families", name, "python"],
        what: `${python} stands on ${parent}, which has Python ${above.python}`,
      }
    }
    for (const [distribution, version] of Object.entries(frozen)) {
      const inherited = frozenAbove(name, distribution, families)
      if (inherited && inherited.version !== version) {
        const what = `${version} is not what families.${inherited.by}.frozen says (${inherited.version}); children inherit it`
        yield { path: ["families", name, "frozen", distribution], what }
      }
    }
  }
}

function frozenAbove(name: string, distribution: string, families: Entries<Family>) {
  let by = families.get(name)?.parent
  // The count ends the walk where families stand in a circle, which is another rule's business.
  for (let steps = 0; by !== undefined && steps < families.size; steps++) {
    const family = families.get(by)
    const version = family && owned(family.frozen, distribution)
    if (version !== undefined) return { by, version }
    by = family?.parent
  }
}

/** Python 3.10 is the baseline's exception, and its end of life is said where it is used (risk R2). */
export function* oldPythonSaysWhenItEnds({ families }: Draft): Iterable<Complaint> {
  for (const [name, { python, endOfLife }] of families) {
    if (python === "3.10" && endOfLife === undefined) {
      yield {
        path: ["families", name, "endOfLife"],
        what: 'is missing: Python 3.10 got its last fixes in October 2026; write "2026-10-31"',
      }
    }
  }
}

/** A layer is never larger packed than unpacked, so such budgets are swapped. */
export function* budgetsFit({ families }: Draft): Iterable<Complaint> {
  for (const [name, { budget }] of families) {
    if (budget.compressed > budget.uncompressed) {
      const what = `${humanBytes(budget.compressed)} is more than the uncompressed ${humanBytes(budget.uncompressed)}; swap the two`
      yield { path: ["families", name, "budget", "compressed"], what }
    }
  }
}
