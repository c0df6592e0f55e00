import { setTimeout as sleep } from "node:timers/promises"
import { beforeAll, describe, expect, it } from "vitest"
import { until } from "../e2e/demo-yard.ts"
import { containersOn, silent, whileRollingOut } from "../e2e/rollout-yard.ts"
import { asRoot, expectTidy, serving, when } from "./on-hosts.ts"

const on = whileRollingOut()
let level = 0
const next = (service: string, more: Record<string, string> = {}) => on.run(service, { LEVEL: `${++level}`, ...more })
/** Healthy only after some seconds: time enough to be killed, or overtaken. */
const late = (service: string, seconds = 4) =>
  next(service, { FAIRLEAD_FAIL: "wrongbody", FAIRLEAD_FAIL_UNTIL: `${seconds}` })

/** Right after the kill, as whoever killed it would. */
async function goesThrough(verb = "deploy"): Promise<string> {
  const told = await on.tells([verb])
  expect(told.exitCode, told.stderr + told.stdout).toBe(0)
  expect(await silent()).toEqual([])
  await expectTidy()
  return told.stderr
}

describe("kill -9", () => {
  it("after the pulls of a first deploy: nothing runs, and the next run brings all of it up", async () => {
    const child = on.starts()
    await new Promise<void>((seen) => child.all.on("data", (text) => /^ {2}pull {5}ok/m.test(String(text)) && seen()))
    child.kill("SIGKILL")
    const { all } = await child
    console.log(all)
    expect(await serving()).toEqual({})
    console.log(await goesThrough())
    expect(Object.keys(await serving())).toHaveLength(7)
  })

  it("in a wave, between stop and start: its host ends what it began, and the next run the rest", async () => {
    await next("ServiceRegistry")
    await late("TieredResponder")
    const before = await serving()
    const { run } = await when("pc2", "stopped tiered_responder", ":", () => ({ run: on.starts() }))
    run.kill("SIGKILL")
    await run
    const told = await goesThrough()
    console.log(told)
    const after = await serving()
    for (const name of ["mainpc/service_registry", "pc2/tiered_responder"]) expect(after[name]).not.toBe(before[name])
    expect(after["mainpc/executor"]).toBe(before["mainpc/executor"])
  })

  it("in a rollback: running it again ends it", async () => {
    const definitions = async (suffix = "") => [
      (await containersOn("mainpc"))[`service_registry${suffix}`]?.definition,
      (await containersOn("pc2"))[`tiered_responder${suffix}`]?.definition,
    ]
    const [left, before] = [await definitions(), await definitions(".prev")]
    const { run } = await when("pc2", "stopped tiered_responder", ":", () => ({ run: on.starts(["rollback"]) }))
    run.kill("SIGKILL")
    await run
    await goesThrough("rollback")
    // Where the rollback was going, and not once more what it was to leave.
    expect(await definitions()).toEqual(before)
    await goesThrough()
    expect(await definitions()).toEqual(left)
  })
})

describe("two at once", () => {
  it("one proceeds, and the other is told who has the lock", async () => {
    await late("TieredResponder", 8)
    const { run: first } = await when("pc2", "started tiered_responder", ":", () => ({ run: on.starts() }))
    const second = await on.tells(["deploy"])
    console.log(second.stderr)
    expect([second.exitCode, second.stderr]).toEqual([
      3,
      expect.stringMatching(/holds the lock for \d+ s: deploy, run/),
    ])
    const { exitCode, all } = await first
    expect(exitCode, all).toBe(0)
    expect(await silent()).toEqual([])
    await expectTidy()
  })

  it("one that stood still for too long changes nothing any more when it wakes up", async () => {
    await next("ServiceRegistry")
    await late("TieredResponder")
    const { run: first } = await when("pc2", "started tiered_responder", ":", () => ({ run: on.starts() }))
    first.kill("SIGSTOP")
    try {
      // It is not gone, so that nobody may take its lock before it is stale.
      const second = await until(300, async () => {
        const told = await on.tells(["deploy"])
        if (!/holds the lock/.test(told.stderr)) return told
        await sleep(5000)
        return undefined
      })
      expect(second.exitCode, second.stderr).toBe(0)
      const before = await serving()
      const records = await asRoot("pc2", "wc -l </home/fairlead/.fairlead/my-fleet/history")
      first.kill("SIGCONT")
      const { exitCode, all } = await first
      console.log(all)
      expect([exitCode, all]).toEqual([3, expect.stringContaining("another run took over")])
      expect(await serving()).toEqual(before)
      expect(await asRoot("pc2", "wc -l </home/fairlead/.fairlead/my-fleet/history")).toBe(records)
      expect(await silent()).toEqual([])
      await expectTidy()
    } finally {
      first.kill("SIGKILL")
    }
  })
})

describe("kill -9 at 20 random moments", () => {
  /** Numbers from 0 to 1, the same ones each time (mulberry32). */
  const random = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  let whole = 0
  const change = async () => {
    await next("UnifiedObservabilityCenter")
    await next("TieredResponder")
  }

  beforeAll(async () => {
    await change()
    const began = performance.now()
    await goesThrough()
    whole = performance.now() - began
  })

  it("every service answers after the next run", { timeout: 1_800_000 }, async () => {
    const began = performance.now()
    const moment = random(5)
    let killed = 0
    for (let tries = 1; killed < 20; tries++) {
      expect(tries, "too many deploys were over before they could be killed").toBeLessThanOrEqual(60)
      await change()
      const started = performance.now()
      const child = on.starts()
      const after = moment() * whole
      await Promise.race([sleep(after), child])
      if (child.kill("SIGKILL")) killed++
      // Over before its moment came: the machine is less busy than it was.
      else whole = Math.min(whole, performance.now() - started)
      const { all } = await child
      const next = performance.now()
      await goesThrough().catch((error) => {
        throw new Error(`kill ${killed} after ${Math.round(after)} ms:\n${all}\n${error.message}`, { cause: error })
      })
      const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`
      const last = all.trim().split("\n").at(-1)
      console.log(`kill ${killed} after ${seconds(after)}, at "${last}"; next run ${seconds(performance.now() - next)}`)
    }
    console.log(`20 kills in ${Math.round((performance.now() - began) / 1000)} s`)
  })
})
