import { describe, expect, it } from "vitest"
import { containersOn, silent, whileRollingOut } from "./rollout-yard.ts"

const on = whileRollingOut()

describe("a rollout", () => {
  it("brings every service up on both hosts, from nothing", async () => {
    const { exitCode, report, stderr } = await on.rolls()
    expect([exitCode, report.verdict], stderr).toEqual([0, "PASS"])
    expect(report.hosts.flatMap(({ services }) => services.map(({ state }) => state))).toEqual(Array(7).fill("healthy"))
    expect(await silent()).toEqual([])
  })

  it("touches nothing the second time", async () => {
    const before = [await containersOn("mainpc"), await containersOn("pc2")]
    const { exitCode, report } = await on.rolls()
    expect([exitCode, report.verdict]).toEqual([0, "PASS"])
    expect(new Set(report.hosts.flatMap(({ services }) => services.map(({ state }) => state)))).toEqual(
      new Set(["unchanged"]),
    )
    expect([await containersOn("mainpc"), await containersOn("pc2")]).toEqual(before)
  })

  it("restarts only what changed", async () => {
    const before = await containersOn("pc2")
    await on.run("TieredResponder", { LEVEL: "2" })
    const { exitCode, report, stderr } = await on.rolls()
    expect(exitCode, stderr).toBe(0)
    const changed = report.hosts.flatMap(({ services }) => services.filter(({ state }) => state !== "unchanged"))
    expect(changed.map(({ service, state }) => [service, state])).toEqual([["TieredResponder", "healthy"]])
    const after = await containersOn("pc2")
    expect(after["tiered_responder.prev"]?.id).toBe(before.tiered_responder?.id)
    expect(after.unified_web_agent).toEqual(before.unified_web_agent)
  })

  it("takes everything back when a service of a later wave stays ill", async () => {
    const before = [await containersOn("mainpc"), await containersOn("pc2")]
    await on.run("ServiceRegistry", { LEVEL: "3" })
    await on.run("TieredResponder", { FAIRLEAD_FAIL: "health500" })
    const { exitCode, report, stderr } = await on.rolls()
    expect([exitCode, report.verdict, report.rolledBack], stderr).toEqual([4, "FAIL", true])
    const serving = async (host: string) =>
      Object.fromEntries(
        Object.entries(await containersOn(host)).filter(
          ([name, { state }]) => state === "running" && !name.includes("."),
        ),
      )
    const running = (all: Awaited<ReturnType<typeof containersOn>>) =>
      Object.fromEntries(Object.entries(all).filter(([name, { state }]) => state === "running" && !name.includes(".")))
    expect([await serving("mainpc"), await serving("pc2")]).toEqual(before.map(running))
    expect(await silent()).toEqual([])
    expect(report.failures[0]).toMatchObject({ host: "pc2", service: "TieredResponder" })
    // Kept for whoever looks into it, stopped.
    expect((await containersOn("pc2"))[`tiered_responder-${report.run}`]?.state).toBe("exited")
  })
})
