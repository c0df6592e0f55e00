import type { Fleet } from "../fleet/fleet.ts"
import { inheritedFrozen, lineage } from "../fleet/hierarchy.ts"
import { readLock } from "../gates/blueprint/lock.ts"
import { normalName, sameVersion } from "../gates/blueprint/version.ts"

/** One lock of fleet.yaml, and what it is made from. */
export interface Lock {
  /** The family or builder that installs it. */
  name: string
  path: string
  /** What is wanted: the file beside it that ends in .in. */
  source: string
  python: string
}

/** Every lock that fleet.yaml names, what a family stands on before the family. */
export const locksOf = (fleet: Fleet): Lock[] => [
  ...Object.entries(fleet.builders).flatMap(([name, { lock }]) => (lock ? [lockOf(name, lock, "3.11")] : [])),
  ...Object.entries(fleet.families)
    .sort(([a], [b]) => lineage(fleet, a).length - lineage(fleet, b).length)
    .flatMap(([name, { lock, python }]) => (lock ? [lockOf(name, lock, python)] : [])),
]

const lockOf = (name: string, path: string, python: string): Lock => ({
  ...{ name, path, python },
  source: path.replace(/(?:\.lock)?$/, ".in"),
})

/**
 * The locks whose versions hold in this one: those of the files that its source takes in with `-r`, as far as they are for
 * the same Python.
 */
export function constraintsOf(lock: Lock, source: string, all: readonly Lock[]): Lock[] {
  const folder = lock.source.split("/").slice(0, -1)
  const named = [...source.matchAll(/^-r\s+(\S+)/gm)].map(([, file]) => [...folder, file].join("/"))
  return all.filter((each) => named.includes(each.source) && each.python === lock.python)
}

/** What the source says, `-r` included, has no wheel and is built from its own source: its lines `--no-binary NAME`. */
export function builtIn(path: string, texts: Readonly<Record<string, string>>): string[] {
  const text = texts[path] ?? ""
  const folder = path.split("/").slice(0, -1)
  const taken = [...text.matchAll(/^-r\s+(\S+)/gm)].flatMap(([, file]) => builtIn([...folder, file].join("/"), texts))
  return [...new Set([...taken, ...[...text.matchAll(/^--no-binary\s+(\S+)/gm)].map(([, name]) => name!)])]
}

/** What uv is called with, in the lock's folder; it writes the call into the lock's first lines. One target platform. */
export const compileArguments = (lock: Lock, constraints: readonly Lock[], built: readonly string[]): string[] => [
  ...["pip", "compile", "--generate-hashes", "--python-version", lock.python],
  ...["--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:", "--no-emit-index-url"],
  ...built.flatMap((each) => ["--no-binary", each]),
  ...[base(lock.source), ...constraints.flatMap(({ path }) => ["-c", base(path)])],
  ...["-o", base(lock.path)],
]

const base = (path: string): string => path.split("/").at(-1)!

/** What is wrong with locks as they are, by path: no hash, or another version than the fleet froze. */
export function lockProblems(fleet: Fleet, texts: Readonly<Record<string, string>>): { path: string; what: string }[] {
  return locksOf(fleet).flatMap(({ name, path }) => {
    const { packages, problems } = readLock(texts[path] ?? "")
    const frozen = Object.entries(fleet.families[name] ? inheritedFrozen(fleet, name) : {})
    const strayed = frozen.flatMap(([distribution, version]) => {
      const found = packages.find((each) => each.name === normalName(distribution))
      if (found && sameVersion(version, found.version)) return []
      return [`${distribution} is ${found?.version ?? "not there"}, and the fleet froze ${version}`]
    })
    return [...problems.map(({ line, why }) => `line ${line}: ${why}`), ...strayed].map((what) => ({ path, what }))
  })
}
