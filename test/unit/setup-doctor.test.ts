import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { clean } from "../../cli/setup/clean.ts"
import { onPath, run, toldBy } from "../../cli/setup/command.ts"
import { type Doctor, doctorJson, doctorText } from "../../cli/setup/doctor.ts"
import { chooseEngine, findDagger } from "../../cli/setup/engine.ts"
import { freeSpace, requireFreeSpace } from "../../cli/setup/freeSpace.ts"
import { stateFolder } from "../../cli/state.ts"

let box: string
const before = { ...process.env }
beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), "fairlead-doctor-"))
  // No docker and no dagger here but those that a test puts there.
  process.env.PATH = join(box, "bin")
  process.env.FAIRLEAD_HOME = join(box, "state")
})
afterEach(() => {
  rmSync(box, { recursive: true, force: true })
  process.env = { ...before }
})

function command(name: string, script: string): void {
  mkdirSync(join(box, "bin"), { recursive: true })
  writeFileSync(join(box, "bin", name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(box, "bin", name), 0o755)
}

describe("what doctor shows", () => {
  const found: Doctor = {
    schema: 1,
    exitCode: 3,
    parts: [
      { name: "node", state: "ready", detail: "v22.1.0", needed: true },
      {
        name: "engine",
        state: "missing",
        detail: "no Docker on this machine",
        fix: "`fairlead setup` installs it",
        needed: true,
      },
      { name: "dagger", state: "note", detail: "no Dagger engine found", needed: false },
    ],
  }

  it("is a line per part, the fix below, and what it comes to", () => {
    expect(stripVTControlCharacters(doctorText(found))).toBe(
      [
        "  node    ready       v22.1.0",
        "  engine  missing     no Docker on this machine",
        "          fix: `fairlead setup` installs it",
        "  dagger  note        no Dagger engine found",
        "",
        "  not ready to ship: engine",
      ].join("\n"),
    )
  })

  it("is the same as JSON, with the number of its form", () => {
    expect(doctorJson(found)).toEqual({ schema: 1, parts: found.parts })
  })
})

describe("which engine runs the steps", () => {
  it("is Docker where there is no dagger command", async () => {
    expect(await chooseEngine()).toEqual({ name: "docker", why: "no Dagger engine found" })
  })

  it("is Dagger where its engine answers", async () => {
    command("dagger", 'echo "v0.21.8"')
    command("docker", 'echo "dagger-engine-v0.21.8"')
    expect(await chooseEngine()).toEqual({ name: "dagger", why: "Dagger v0.21.8" })
  })

  it("is Docker where the dagger command would have to start an engine first: that is not called at all", async () => {
    command("dagger", `echo called >${box}/called`)
    command("docker", "true")
    expect((await findDagger()).detail).toBe(`no Dagger engine runs (${join(box, "bin", "dagger")} would start one)`)
    expect(existsSync(join(box, "called"))).toBe(false)
  })

  it("is what FAIRLEAD_ENGINE says, and an error where that cannot be", async () => {
    process.env.FAIRLEAD_ENGINE = "docker"
    expect((await chooseEngine()).why).toBe("FAIRLEAD_ENGINE=docker")
    process.env.FAIRLEAD_ENGINE = "podman"
    await expect(chooseEngine()).rejects.toThrow('FAIRLEAD_ENGINE: "podman" is no engine')
    process.env.FAIRLEAD_ENGINE = "dagger"
    await expect(chooseEngine()).rejects.toThrow(
      "FAIRLEAD_ENGINE=dagger, and no Dagger engine answers: no Dagger engine found",
    )
  })
})

describe("cleaning without a Docker", () => {
  it("removes the state folder that Fairlead made", async () => {
    await stateFolder()
    expect(await clean([], { say: () => {} })).toEqual({ removed: [join(box, "state")], left: [] })
    expect(existsSync(join(box, "state"))).toBe(false)
  })

  it("leaves a folder that was there before, whatever FAIRLEAD_HOME says", async () => {
    mkdirSync(join(box, "state"))
    writeFileSync(join(box, "state", "precious"), "")
    const { removed, left } = await clean([], { say: () => {} })
    expect([removed, left]).toEqual([[], [expect.stringContaining("it was there before Fairlead")]])
    expect(existsSync(join(box, "state", "precious"))).toBe(true)
  })

  it("makes nothing where nothing was made", async () => {
    expect(await clean([], { say: () => {} })).toEqual({ removed: [], left: [] })
    expect(existsSync(join(box, "state"))).toBe(false)
  })
})

describe("free space", () => {
  it("is looked up where a folder will be", async () => {
    expect((await freeSpace(join(box, "not", "yet"))).freeBytes).toBeGreaterThan(0)
  })

  it("is refused with both figures when it is too little", async () => {
    const { totalBytes } = await freeSpace(box)
    await expect(requireFreeSpace({ path: box, bytes: totalBytes * 2, what: "a build" })).rejects.toThrow(
      /GB of .* are free, and a build wants .* left\n {2}fix: /,
    )
  })
})

describe("a command", () => {
  it("that is missing, fails or takes too long is told as such, and never throws", async () => {
    expect(await run(["no-such-command"])).toMatchObject({ exitCode: 127 })
    command("fails", "echo out; echo wrong >&2; exit 7")
    const failed = await run(["fails"])
    expect(toldBy(["fails"], failed)).toBe("fails exited 7; last lines:\n    wrong")
    command("slow", "exec /bin/sleep 5")
    expect(await run(["slow"], { timeoutSeconds: 0.1 })).toMatchObject({ exitCode: 124, why: "took longer than 0.1 s" })
  })

  it("is found on PATH only if it can be run", () => {
    command("real", "true")
    writeFileSync(join(box, "bin", "text"), "")
    expect([onPath("real"), onPath("text"), onPath("bin")]).toEqual([join(box, "bin", "real"), undefined, undefined])
  })
})
