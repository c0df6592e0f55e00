import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { carriesOut, isGone } from "../../../cli/rollout/gone.ts"
import { lifeOf } from "../../../cli/setup/process.ts"

let home = ""
const before = process.env.FAIRLEAD_HOME

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "gone-"))
  process.env.FAIRLEAD_HOME = home
  await carriesOut("0a0a0a")
})
afterEach(async () => {
  if (before === undefined) delete process.env.FAIRLEAD_HOME
  else process.env.FAIRLEAD_HOME = before
  await rm(home, { recursive: true, force: true })
})

const noted = (run: string, life: object) => writeFile(join(home, "carried-out", run), JSON.stringify(life))

describe("a run whose process is on this machine", () => {
  it("is not gone while it goes on, nor while it stands still; killed, it is", async () => {
    expect(await isGone("0a0a0a")).toBe(false)
    const child = execa("sleep", ["60"], { reject: false })
    await noted("0b0b0b", { ...lifeOf(child.pid!)!, host: hostname() })
    child.kill("SIGSTOP")
    expect(await isGone("0b0b0b")).toBe(false)
    child.kill("SIGKILL")
    await child
    expect(await isGone("0b0b0b")).toBe(true)
  })

  it("is not taken for gone where nobody can know", async () => {
    const me = lifeOf(process.pid)!
    await noted("0c0c0c", { ...me, started: "1", host: "another-machine" })
    await noted("0d0d0d", { ...me, started: "1", space: `${me.space.split(" ")[0]} pid:[1]`, host: hostname() })
    await writeFile(join(home, "carried-out", "0e0e0e"), "{")
    for (const run of ["0c0c0c", "0d0d0d", "0e0e0e", "ffffff", "../0b0b0b"])
      expect([run, await isGone(run)]).toEqual([run, false])
  })
})
