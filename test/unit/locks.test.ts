import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { lineage } from "../../dagger/lib/fleet/hierarchy.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import { readLock } from "../../dagger/lib/gates/blueprint/lock.ts"

const folder = "dockerfiles/requirements"
const names = readdirSync(folder)
  .filter((each) => each.endsWith(".lock"))
  .map((each) => each.slice(0, -".lock".length))
const read = (name: string) => readFileSync(join(folder, name), "utf8")
const locked = (name: string) =>
  Object.fromEntries(readLock(read(`${name}.lock`)).packages.map((each) => [each.name, each.version]))

/** What an .in asks for by name, those that it takes in with -r included. */
function asked(file: string): string[] {
  return read(file)
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("--"))
    .flatMap((line) => (line.startsWith("-r ") ? asked(line.slice(3)) : [/^[a-z0-9-]+/.exec(line)![0]]))
}

const fleet = await loadFleet(".")
const nameOf = (lock: string) => lock.slice(folder.length + 1, -".lock".length)

/** [lock of a family, the nearest lock of what it stands on], by name. */
const parents = Object.keys(fleet.families).flatMap((family) => {
  const [own, parent] = lineage(fleet, family)
    .reverse()
    .flatMap(({ lock }) => (lock ? [nameOf(lock)] : []))
  return fleet.families[family]!.lock && parent ? [[own!, parent] as const] : []
})

describe("the requirement locks", () => {
  it("are there for every .in, and no others", () => {
    const sources = readdirSync(folder).filter((each) => each.endsWith(".in"))
    expect(names.map((each) => `${each}.in`).sort()).toEqual(sources.sort())
  })

  it.each(names)("%s pins everything and has a hash for it", (name) => {
    const lock = readLock(read(`${name}.lock`))
    expect(lock.problems).toEqual([])
    expect(lock.packages.every(({ hashes }) => hashes > 0)).toBe(true)
  })

  it.each(names)("%s has all that its .in asks for", (name) => {
    expect(Object.keys(locked(name))).toEqual(expect.arrayContaining(asked(`${name}.in`)))
  })

  it.each(names)("%s names no package index, and says how it was made", (name) => {
    const text = read(`${name}.lock`)
    expect(text).not.toMatch(/:\/\/|--(?:extra-)?index-url|--find-links/)
    const [, command] = /^# {4}(uv pip compile .*)$/m.exec(text) ?? []
    const python =
      Object.values(fleet.families).find(({ lock }) => lock === join(folder, `${name}.lock`))?.python ?? "3.11"
    for (const option of [
      "--generate-hashes",
      "--no-emit-index-url",
      "--only-binary :all:",
      `--python-version ${python}`,
    ])
      expect(command).toContain(option)
  })

  it.each(parents)("%s repeats all of %s in the same versions", (child, parent) => {
    expect(locked(child)).toMatchObject(locked(parent))
  })

  it.each(names.filter((name) => "numpy" in locked(name)))("%s keeps numpy where torch 2.2.2 can use it", (name) => {
    expect(locked(name).numpy).toMatch(/^1\.26\./)
  })
})
