import { beforeAll, describe, expect, it } from "vitest"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { Problem } from "../../../dagger/lib/problem.ts"
import type { HostLook } from "../../../dagger/lib/rollout/host/look.ts"
import { pullable } from "../../../dagger/lib/rollout/plan/back.ts"
import type { RolloutPlan } from "../../../dagger/lib/rollout/plan/plan.ts"
import { type RollbackInput, rollbackPlan } from "../../../dagger/lib/rollout/plan/rollback.ts"
import type { ComposeService } from "../../../dagger/lib/rollout/service.ts"
import {
  address,
  bare,
  carriedOut,
  changing,
  definitionsOf,
  digest,
  now,
  ownOnDemo,
  planned,
  targets,
} from "./deployed.ts"

let fleet: Fleet
beforeAll(async () => {
  fleet = await ownOnDemo()
})

const empty = [bare("mainpc"), bare("pc2")]
const release = (web: string) => ({ "reference-cpu:current": digest("cpu"), "reference-web:current": digest(web) })

/** The fleet after some deploys, one after the other, and every definition of them. */
async function deployed(...runs: { run: string; web: string; hosts?: string[] }[]) {
  let looks: HostLook[] = empty
  const plans: RolloutPlan[] = []
  for (const { run, web, hosts } of runs) {
    const plan = planned(fleet, await targets(fleet, release(web), { hosts }), looks)
    const there = carriedOut(
      plan,
      looks.filter(({ host }) => hosts?.includes(host) ?? true),
      run,
    )
    looks = looks.map((look) => there.find(({ host }) => host === look.host) ?? look)
    plans.push(plan)
  }
  return { looks, definitions: definitionsOf(...plans) }
}

const back = (
  { looks, definitions }: { looks: HostLook[]; definitions: Record<string, ComposeService> },
  more: Partial<RollbackInput> = {},
) =>
  rollbackPlan({
    ...{ fleet, yard: "demo", registry: address, looks, layers: {}, now },
    definition: async (_host, svc, hash) => definitions[`${svc}.${hash}`],
    ...more,
  })

const to = (plan: RolloutPlan) =>
  new Set(
    plan.hosts.flatMap(({ host, services }) =>
      services.flatMap((each) => (each.action === "replace" ? [`${host} ${each.to.digest}`] : [])),
    ),
  )

async function refused(work: Promise<unknown>): Promise<Problem> {
  const error = await work.catch((each: unknown) => each)
  if (error instanceof Problem) return error
  throw new Error(`was not refused: ${error}`)
}

describe("rolling back", () => {
  it("undoes the last run on all hosts, with the definitions of then", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const plan = await back(there)
    expect(to(plan)).toEqual(new Set([`mainpc ${digest("1")}`, `pc2 ${digest("1")}`]))
    expect(plan).toMatchObject({ verb: "rollback", waves: ["core", "mainpc-gpu", "pc2-cpu", "rest"] })
    const web = Object.values(fleet.services).filter(({ family }) => family === "family-web")
    expect(changing(plan)).toHaveLength(web.flatMap(({ hosts }) => hosts).length)
    expect(plan.hosts[0]!.services.find(({ svc }) => svc === "service_registry")).toMatchObject({
      ...{ wave: "core", manifest: { healthPort: 8200, deadlineSeconds: 120 }, back: { to: "current", at: "host" } },
    })
  })

  it("passes over runs that changed nothing", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" }, { run: "cccccc", web: "2" })
    expect(to(await back(there))).toEqual(new Set([`mainpc ${digest("1")}`, `pc2 ${digest("1")}`]))
  })

  it("leaves a host alone that the last run was not on, and asks which run is meant where nobody knows", async () => {
    const there = await deployed(
      { run: "aaaaaa", web: "1" },
      { run: "bbbbbb", web: "2" },
      { run: "cccccc", web: "3", hosts: ["mainpc"] },
    )
    const problem = await refused(back(there))
    expect(problem.exitCode).toBe(2)
    expect(problem.message).toMatch(/different runs: mainpc by cccccc.*pc2 by bbbbbb/)
    const known = await back(there, { runs: ["cccccc", "bbbbbb", "aaaaaa"] })
    expect(to(known)).toEqual(new Set([`mainpc ${digest("2")}`]))
    expect(known.hosts.map(({ host }) => host)).toEqual(["mainpc"])
    expect(to(await back(there, { hosts: ["pc2"] }))).toEqual(new Set([`pc2 ${digest("1")}`]))
  })

  it("goes to the newest snapshot where a run was not finished, or somebody worked by hand", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const looks = there.looks.map((look) => ({
      ...look,
      containers: look.containers.map((each) =>
        each.name === "central_error_bus" ? { ...each, run: "cccccc", definition: "0123456789ab" } : each,
      ),
    }))
    const plan = await back({ ...there, looks })
    expect(changing(plan)).toEqual(["pc2 CentralErrorBus replace"])
    expect(to(plan)).toEqual(new Set([`pc2 ${digest("2")}`]))
  })

  it("goes on to where a rollback was going that was cut off, and not to what it was to leave", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const gone = there.looks.flatMap(({ kept }) => kept[1]!.services).find(({ svc }) => svc === "central_error_bus")!
    const looks = there.looks.map((look) => ({
      ...look,
      containers: look.containers.map((each) =>
        each.name === "central_error_bus" ? { ...each, run: "cccccc", definition: gone.definition } : each,
      ),
    }))
    const runs = ["cccccc", "bbbbbb", "aaaaaa"]
    expect(to(await back({ ...there, looks }, { runs, cutOff: "cccccc" }))).toEqual(
      new Set([`mainpc ${digest("1")}`, `pc2 ${digest("1")}`]),
    )
    // A deploy that was cut off is taken back, to what was good before it.
    expect(to(await back({ ...there, looks }, { runs }))).toEqual(new Set([`pc2 ${digest("2")}`]))
  })

  it("takes another release, and not the same again, where a service fell ill by itself", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const looks = there.looks.map((look) => ({
      ...look,
      containers: look.containers.map((each) =>
        each.name === "central_error_bus" ? { ...each, state: "restarting" } : each,
      ),
    }))
    expect(to(await back({ ...there, looks }))).toContain(`pc2 ${digest("1")}`)
  })

  it("brings back what fleet.yaml has no more", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const { ServiceRegistry: _, ...services } = fleet.services
    const plan = await back(there, { fleet: { ...fleet, services } })
    expect(changing(plan)).toContain("mainpc ServiceRegistry replace")
  })

  it("finds out when planning that its target was pruned and is in no registry", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const target = `127.0.0.1:5000/my-fleet/reference-web@${digest("1")}`
    const looks = there.looks.map((look) => ({ ...look, images: look.images.filter((each) => each !== target) }))
    const registry = { address, manifest: async () => undefined }
    const known = await pullable(looks, ["service_registry"], registry)
    expect(known).toEqual({ [target]: false })
    const { refusals } = await back({ ...there, looks }, { pullable: known })
    expect(new Set(refusals.map(({ kind }) => kind))).toEqual(new Set(["noImage"]))
    expect(refusals[0]!.what).toContain(target)
  })

  it("has nothing to go back to after a first deploy, and before any", async () => {
    for (const there of [await deployed({ run: "aaaaaa", web: "1" }), { looks: empty, definitions: {} }]) {
      const problem = await refused(back(there))
      expect([problem.exitCode, problem.message]).toEqual([3, expect.stringContaining("nothing to go back to")])
    }
  })

  it("never starts a definition that is gone, or is not what was written down", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    expect((await refused(back({ ...there, definitions: {} }))).message).toMatch(
      /definitions\/\w+\.[0-9a-f]{12}: is not there/,
    )
    const privileged = Object.fromEntries(
      Object.entries(there.definitions).map(([key, each]) => [key, { ...each, privileged: true }]),
    )
    expect((await refused(back({ ...there, definitions: privileged }))).message).toContain("its hash is another one")
    const empties = Object.fromEntries(Object.keys(there.definitions).map((key) => [key, {}]))
    expect((await refused(back({ ...there, definitions: empties }))).message).toContain("no compose service")
  })

  it("is refused on a host that is pinned to another release", async () => {
    const there = await deployed({ run: "aaaaaa", web: "1" }, { run: "bbbbbb", web: "2" })
    const pin = { tag: "20261120-9d1c2aa", reason: "voice", by: "anna", at: "2026-11-20T00:00:00Z" }
    const looks = there.looks.map((look) => (look.host === "pc2" ? { ...look, pin } : look))
    const { refusals } = await back({ ...there, looks })
    expect(new Set(refusals.map(({ kind, host }) => `${kind} ${host}`))).toEqual(new Set(["pin pc2"]))
    const expired = there.looks.map((look) => ({ ...look, pin: { ...pin, until: "2026-11-21" } }))
    expect((await back({ ...there, looks: expired })).refusals).toEqual([])
  })
})
