import type { Fleet } from "../fleet/fleet.ts"
import { readLock } from "../gates/blueprint/lock.ts"
import { normalName, sameVersion } from "../gates/blueprint/version.ts"
import { lockProblems, locksOf } from "./locks.ts"

/**
 * What is wrong with locks as far as that is seen without a package index: no hash, another version than the fleet froze,
 * something that is wanted and not locked. Whether uv would choose other versions today, `fairlead lock --check` tells.
 */
export function staleLocks(
  fleet: Fleet,
  texts: Readonly<Record<string, string | undefined>>,
): { path: string; what: string }[] {
  const locks = locksOf(fleet).filter(({ path }) => texts[path] !== undefined)
  const missing = locksOf(fleet).filter(({ path }) => texts[path] === undefined)
  const there = Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, text ?? ""]))
  const gone = new Set(missing.map(({ path }) => path))
  return [
    ...missing.map(({ path }) => ({ path, what: "is not there" })),
    ...lockProblems(fleet, there).filter(({ path }) => !gone.has(path)),
    ...locks.flatMap(({ path, source }) => {
      const { packages } = readLock(there[path]!)
      const versions = new Map(packages.map(({ name, version }) => [name, version]))
      return wantedIn(source, there).flatMap(({ name, version }) => {
        const found = versions.get(normalName(name))
        if (found === undefined) return [{ path, what: `${name} is not there, and ${source} wants it` }]
        if (version === undefined || sameVersion(version, found)) return []
        return [{ path, what: `${name} is ${found}, and ${source} wants ${version}` }]
      })
    }),
  ]
}

/** What a source and those that it takes in by `-r` name: the version where there is exactly one right one. */
function wantedIn(path: string, texts: Readonly<Record<string, string>>): { name: string; version?: string }[] {
  const folder = path.split("/").slice(0, -1)
  const text = texts[path] ?? ""
  const taken = [...text.matchAll(/^-r\s+(\S+)/gm)].flatMap(([, file]) => wantedIn([...folder, file].join("/"), texts))
  // A line with a condition (";") may be about another platform, and then rightly has no entry in the lock.
  const named = [...text.matchAll(/^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?[^\S\n]*([^;#\n]*?)[^\S\n]*(?:#.*)?$/gm)]
  return [
    ...taken,
    ...named.map(([, name, rest]) => ({ name: name!, version: /^==\s*([^\s,*]+)$/.exec(rest ?? "")?.[1] })),
  ]
}
