import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Found, inOrder, lookAt, type Part } from "../../cli/setup/part.ts"
import { ready, readyLine } from "../../cli/setup/ready.ts"
import { Problem } from "../../dagger/lib/problem.ts"

/** A part that is ready once it was readied, and writes down what happens to it. */
class Thing implements Part {
  private there: boolean
  private readonly failure: Problem | undefined

  constructor(
    readonly name: string,
    readonly after: readonly string[],
    private readonly diary: string[],
    { there = false, failure }: { there?: boolean; failure?: Problem } = {},
  ) {
    this.there = there
    this.failure = failure
  }

  readonly verb = "built"
  async look(): Promise<Found> {
    return this.there ? { state: "ready", detail: "there" } : { state: "missing", detail: "not there" }
  }
  async ready(say: (line: string) => void): Promise<void> {
    this.diary.push(`${this.name} starts`)
    say(`making ${this.name}`)
    await sleep(5)
    if (this.failure) throw this.failure
    this.there = true
    this.diary.push(`${this.name} stands`)
  }
  async remove(): Promise<string[]> {
    return []
  }
}

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-ready-"))
  process.env.FAIRLEAD_HOME = home
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const quiet = { say: () => {} }

describe("readying", () => {
  it("readies a part after all that it stands on, whatever their order in the list", async () => {
    const diary: string[] = []
    const parts = [
      new Thing("registry", ["network", "image"], diary),
      new Thing("image", ["engine"], diary),
      new Thing("network", ["engine"], diary),
      new Thing("engine", [], diary),
    ]
    await ready(parts, quiet)
    expect(diary.slice(0, 2)).toEqual(["engine starts", "engine stands"])
    expect(diary.slice(-2)).toEqual(["registry starts", "registry stands"])
  })

  it("readies two at a time", async () => {
    const diary: string[] = []
    await ready(
      ["a", "b", "c"].map((name) => new Thing(name, [], diary)),
      quiet,
    )
    expect(diary.slice(0, 3).sort()).toEqual(["a stands", "a starts", "b starts"])
  })

  it("touches nothing that is there, and takes no lock then", async () => {
    const diary: string[] = []
    const readied = await ready([new Thing("a", [], diary, { there: true })], quiet)
    expect(diary).toEqual([])
    expect(readied.parts).toMatchObject([{ name: "a", changed: false }])
  })

  it("readies what is wanted and what that stands on, nothing else", async () => {
    const diary: string[] = []
    const parts = [new Thing("a", [], diary), new Thing("b", ["a"], diary), new Thing("c", ["a"], diary)]
    await ready(parts, { ...quiet, wanted: ["b"] })
    expect(diary).toEqual(["a starts", "a stands", "b starts", "b stands"])
  })

  it("lets the others finish when one fails, starts nothing on top of it, and tells its sentence", async () => {
    const diary: string[] = []
    const broken = new Thing("engine", [], diary, { failure: new Problem("no Docker", { fix: "install it" }) })
    const parts = [broken, new Thing("registry", ["engine"], diary), new Thing("bases", [], diary)]
    await expect(ready(parts, quiet)).rejects.toThrow("no Docker\n  fix: install it")
    expect(diary).toEqual(["engine starts", "bases starts", "bases stands"])
  })

  it("tells every failure when several parts fail", async () => {
    const failing = (name: string) => new Thing(name, [], [], { failure: new Problem(`${name} is broken`) })
    await expect(ready([failing("a"), failing("b")], quiet)).rejects.toThrow("a is broken\nb is broken")
  })

  it("does not believe a part that says it was readied and is not there", async () => {
    const liar = new Thing("liar", [], [])
    liar.ready = async () => {}
    await expect(ready([liar], quiet)).rejects.toThrow("liar was readied, and still is not ready: not there")
  })

  it("ends with the reason of the interruption, not with what a killed command said", async () => {
    const interrupt = new AbortController()
    const part = new Thing("a", [], [], { failure: new Problem("apt-get was stopped by SIGINT") })
    const readying = ready([part], { say: () => interrupt.abort(new Error("interrupted")), signal: interrupt.signal })
    await expect(readying).rejects.toThrow("interrupted")
  })

  it("says what a part says, with a word in front", async () => {
    const said: string[] = []
    await ready([new Thing("a", [], [])], { say: (text) => said.push(text) })
    expect(said).toEqual([expect.stringMatching(/^ {2}.*setup.* making a$/)])
  })
})

describe("the line that sums it up", () => {
  const part = { detail: "", verb: "built", changed: false, seconds: 0 }

  it("names parts of one kind once and tells what took its time", () => {
    const parts = [
      { ...part, name: "engine", short: "engine" },
      { ...part, name: "buildx", short: "" },
      { ...part, name: "registry", short: "registry 127.0.0.1:5000", changed: true, seconds: 1 },
      { ...part, name: "toolbox:build", short: "toolbox", changed: true, seconds: 402 },
      { ...part, name: "toolbox:run", short: "toolbox", changed: true, seconds: 30 },
    ]
    expect(readyLine({ seconds: 440, parts })).toBe(
      "engine, registry 127.0.0.1:5000, toolbox (built in 7 m 12 s, kept)",
    )
  })
})

describe("looking", () => {
  it("does not look at what stands on something that is not there", async () => {
    const parts = [
      new Thing("engine", [], []),
      new Thing("network", ["engine"], []),
      new Thing("registry", ["network"], []),
    ]
    const looked = await lookAt(inOrder(parts))
    expect(looked.map(({ found }) => found.detail)).toEqual(["not there", "needs engine", "needs network"])
  })

  it("refuses parts that stand on each other, and names them", () => {
    const parts = [new Thing("a", ["b"], []), new Thing("b", ["a"], [])]
    expect(() => inOrder(parts)).toThrow("a → b → a")
  })
})
