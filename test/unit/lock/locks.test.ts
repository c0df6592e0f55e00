import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { loadFleet } from "../../../dagger/lib/fleet/load.ts"
import { builtIn, compileArguments, constraintsOf, lockProblems, locksOf } from "../../../dagger/lib/lock/locks.ts"

const fleet = await loadFleet(".")
const all = locksOf(fleet)
const lock = (name: string) => all.find((each) => each.name === name)!
const texts = Object.fromEntries(
  all.flatMap(({ path, source }) => [path, source].map((each) => [each, readFileSync(each, "utf8")])),
)
const torch = "dockerfiles/requirements/family-torch-cu121.lock"

/** What the first lines of a lock say it was made with. */
const madeBy = (path: string): string => /^# {4}uv (pip compile .*)$/m.exec(texts[path]!)![1]!

describe("locking", () => {
  it("locks what a family stands on before the family", () => {
    const order = all.map(({ name }) => name)
    expect(order.indexOf("family-torch-cu121")).toBeLessThan(order.indexOf("family-llm-cu121"))
    expect(order.indexOf("base-cpu-pydeps")).toBeLessThan(order.indexOf("family-web"))
  })

  it.each(all.map(({ name }) => name))("calls uv for %s as its lock says that it was made", (name) => {
    const own = lock(name)
    const constraints = constraintsOf(own, texts[own.source]!, all)
    expect(compileArguments(own, constraints, builtIn(own.source, texts)).join(" ")).toBe(madeBy(own.path))
  })

  it("holds a lock to those of the files that it takes in, for the same Python only", () => {
    const names = (name: string) =>
      constraintsOf(lock(name), "-r base-cpu-pydeps.in\nnumpy<2\n", all).map((each) => each.name)
    expect(names("family-web")).toEqual(["base-cpu-pydeps"])
    expect(names("legacy-py310-cpu")).toEqual([])
  })
})

describe("what is wrong with locks", () => {
  const whats = (path: string, text: string) =>
    lockProblems(fleet, { ...texts, [path]: text })
      .filter((each) => each.path === path)
      .map(({ what }) => what)

  it("is nothing as they are", () => {
    expect(lockProblems(fleet, texts)).toEqual([])
  })

  it("is another version than the fleet froze, here and in children", () => {
    expect(whats(torch, texts[torch]!.replace("torch==2.2.2 ", "torch==2.3.1 "))).toEqual([
      "torch is 2.3.1, and the fleet froze 2.2.2",
    ])
    const llm = "dockerfiles/requirements/family-llm-cu121.lock"
    expect(whats(llm, texts[llm]!.replace(/^torch==.*(\n {4}.*)+/m, ""))).toEqual([
      "torch is not there, and the fleet froze 2.2.2",
    ])
  })

  it("is a package without a hash, and a lock that is not there", () => {
    expect(whats(torch, `${texts[torch]}\nleft-pad==1.0\n`)[0]).toMatch(/^line \d+: left-pad==1.0 has no hash/)
    expect(whats("dockerfiles/requirements/family-web.lock", "")).toEqual(["line 1: the lock names nothing"])
  })
})
