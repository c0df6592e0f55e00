import { snakeName } from "../names.ts"
import type { Complaint, Draft } from "./rule.ts"

/** Bases, builders and families share one namespace, since all of them become targets of one bake file. */
export function* imagesHaveDifferentNames({ bases, builders, families }: Draft): Iterable<Complaint> {
  for (const name of builders.names) {
    if (bases.names.has(name))
      yield { path: ["builders", name], what: `is also the name of a base; rename one of them` }
  }
  for (const name of families.names) {
    const other = bases.names.has(name) ? "base" : builders.names.has(name) ? "builder" : undefined
    if (other) yield { path: ["families", name], what: `is also the name of a ${other}; rename one of them` }
  }
}

/** An alias means one family. */
export function* aliasesDiffer({ families }: Draft): Iterable<Complaint> {
  const owner = new Map<string, string>()
  for (const [name, { alias }] of families) {
    const path = ["families", name, "alias"]
    const other = owner.get(alias)
    if (other) yield { path, what: `${alias} is also the alias of families.${other}; give one of them another` }
    else if (alias !== name && families.names.has(alias)) {
      yield { path, what: `${alias} is the name of another family; give ${name} another alias` }
    }
    owner.set(alias, name)
  }
}

/** Two services must differ by more than case and hyphens, or their containers would have one name. */
export function* serviceNamesDiffer({ services }: Draft): Iterable<Complaint> {
  const owner = new Map<string, string>()
  for (const name of services.names) {
    const plain = snakeName(name).replaceAll("_", "")
    const other = owner.get(plain)
    if (other) {
      yield {
        path: ["services", name],
        what: `differs from services.${other} by case or hyphens only; rename one of them`,
      }
    }
    owner.set(plain, name)
  }
}
