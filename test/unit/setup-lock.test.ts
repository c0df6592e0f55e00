import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { locked } from "../../cli/setup/lock.ts"
import { lifeOf, lives } from "../../cli/setup/process.ts"

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-lock-"))
  process.env.FAIRLEAD_HOME = home
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const quiet = { say: () => {} }
const locks = () => readdirSync(join(home, "locks"))

/** What a process leaves that was killed while it held the lock. */
function leaveLock(id: string, more: object = {}): void {
  const gone = spawnSync("true").pid
  mkdirSync(join(home, "locks"), { recursive: true })
  writeFileSync(
    join(home, "locks", id),
    JSON.stringify({ ...lifeOf(process.pid), pid: gone, id: `dead-${id}`, ...more }),
  )
}

describe("a lock", () => {
  it("lets one work at a time", async () => {
    let inside = 0
    const work = async () => {
      inside += 1
      expect(inside).toBe(1)
      await sleep(2)
      inside -= 1
    }
    await Promise.all(Array.from({ length: 4 }, () => locked("one", quiet, work)))
    expect(locks()).toEqual([])
  })

  it("says once who is waited for", async () => {
    const said: string[] = []
    let second: Promise<void> | undefined
    await locked("said", quiet, async () => {
      second = locked("said", { say: (text) => said.push(text) }, async () => {})
      await sleep(250)
    })
    await second
    expect(said).toEqual([`waiting: another fairlead (process ${process.pid}) is busy with the same (said)`])
  })

  it("is free again when its work failed", async () => {
    await expect(locked("failed", quiet, () => Promise.reject(new Error("work")))).rejects.toThrow("work")
    expect(await locked("failed", quiet, async () => "free")).toBe("free")
  })

  it("is taken over from a dead holder by exactly one of many", async () => {
    leaveLock("one")
    let inside = 0
    const work = async () => {
      inside += 1
      expect(inside).toBe(1)
      await sleep(1)
      inside -= 1
    }
    await Promise.all(Array.from({ length: 4 }, () => locked("one", quiet, work)))
    expect(locks()).toEqual([])
  })

  it("is taken over from an heir that died on the way too", async () => {
    leaveLock("one")
    leaveLock("one.after-dead-one")
    expect(await locked("one", quiet, async () => "mine")).toBe("mine")
    expect(locks()).toEqual([])
  })

  it("is taken over from a process whose number another one has by now", async () => {
    leaveLock("one", { pid: process.pid, started: "1" })
    expect(await locked("one", quiet, async () => "mine")).toBe("mine")
  })

  it("is taken over from before the last boot, and from a file that a power failure cut short", async () => {
    leaveLock("boot", { space: "another-boot pid:[1]", pid: process.pid })
    expect(await locked("boot", quiet, async () => "mine")).toBe("mine")
    leaveLock("cut")
    writeFileSync(join(home, "locks", "cut"), "")
    expect(await locked("cut", quiet, async () => "mine")).toBe("mine")
  })

  it("waits for a holder whom it cannot see as long as that one's heart beats", async () => {
    const elsewhere = { space: `${lifeOf(process.pid)!.space.split(" ")[0]} pid:[1]` }
    leaveLock("far", elsewhere)
    const waiting = new AbortController()
    const second = locked("far", { ...quiet, signal: waiting.signal }, async () => "mine")
    setTimeout(() => waiting.abort(), 300)
    await expect(second).rejects.toThrow("aborted")
    utimesSync(join(home, "locks", "far"), new Date(0), new Date(0))
    expect(await locked("far", quiet, async () => "mine")).toBe("mine")
  })

  it("is taken over from a process that was killed for real", async () => {
    const script = `
      import { locked } from ${JSON.stringify(new URL("../../cli/setup/lock.ts", import.meta.url).href)}
      await locked("real", { say() {} }, async () => { console.log("held"); await new Promise((ended) => setTimeout(ended, 60000)) })`
    const holder = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: new URL("../..", import.meta.url),
    })
    await new Promise((held) => holder.stdout.once("data", held))
    expect(JSON.parse(readFileSync(join(home, "locks", "real"), "utf8")).pid).toBe(holder.pid)
    holder.kill("SIGKILL")
    expect(await locked("real", quiet, async () => "mine")).toBe("mine")
  })
})

describe("a process", () => {
  it("is told apart from one that never was and from a later one of the same number", () => {
    const me = lifeOf(process.pid)!
    expect(lives(me)).toBe(true)
    expect(lives({ ...me, started: "1" })).toBe(false)
    expect(lifeOf(spawnSync("true").pid)).toBeUndefined()
  })
})
