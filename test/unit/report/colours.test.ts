import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { coloured } from "../../../dagger/lib/report/colours.ts"

const fairlead = fileURLToPath(new URL("../../../fairlead", import.meta.url))

describe("colours", () => {
  it("go to terminals, unless a person or the terminal wants none", () => {
    expect(coloured({}, true)).toBe(true)
    expect(coloured({ NO_COLOR: "1" }, true)).toBe(false)
    expect(coloured({ NO_COLOR: "1", FORCE_COLOR: "1" }, true)).toBe(false)
    expect(coloured({ TERM: "dumb" }, true)).toBe(false)
  })

  it("stay out of a pipe, also in a CI, but where they are asked for", () => {
    expect(coloured({}, false)).toBe(false)
    expect(coloured({ CI: "true" }, false)).toBe(false)
    expect(coloured({ CI: "true", FORCE_COLOR: "1" }, false)).toBe(true)
  })

  it("are not in what a CI pipes on", () => {
    const said = (env: NodeJS.ProcessEnv) =>
      spawnSync(fairlead, ["phases"], {
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "", CI: "true", ...env },
      }).stdout
    const plain = said({})
    expect(plain).toContain("missing")
    expect(plain).not.toContain("\u001b")
    expect(said({ FORCE_COLOR: "1" })).toContain("\u001b[")
  }, 60_000)
})
