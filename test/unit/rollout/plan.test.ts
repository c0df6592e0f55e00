import { beforeAll, describe, expect, it } from "vitest"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { wavesOf } from "../../../dagger/lib/fleet/waves.ts"
import { rolloutPlanDocument } from "../../../dagger/lib/report/rollout-plan.ts"
import { rolloutPlanText } from "../../../dagger/lib/report/rollout-plan-text.ts"
import type { HostLook } from "../../../dagger/lib/rollout/host/look.ts"
import { pullable } from "../../../dagger/lib/rollout/plan/back.ts"
import { bundleFor } from "../../../dagger/lib/rollout/plan/bundle.ts"
import { changesByWave, type RolloutPlan } from "../../../dagger/lib/rollout/plan/plan.ts"
import { changed } from "../fleet/small.ts"
import {
  address,
  bare,
  carriedOut,
  changing,
  currentTags,
  definitionsOf,
  digest,
  ownOnDemo,
  planned,
  targets,
} from "./deployed.ts"

let fleet: Fleet
let first: RolloutPlan
let looks: HostLook[]
const empty = [bare("mainpc"), bare("pc2")]
const services = (plan: RolloutPlan) => plan.hosts.flatMap((each) => each.services)
const container = (look: HostLook, name: string) => look.containers.find((each) => each.name === name)!

beforeAll(async () => {
  fleet = await ownOnDemo()
  first = planned(fleet, await targets(fleet, currentTags()), empty)
  looks = carriedOut(first, empty)
})

/** The fleet after a change of what runs on its first host. */
const altered = (name: string, change: Partial<HostLook["containers"][number]>, more: Partial<HostLook> = {}) =>
  looks.map((look) =>
    look.host === "mainpc"
      ? {
          ...look,
          containers: look.containers.map((each) => (each.name === name ? { ...each, ...change } : each)),
          ...more,
        }
      : look,
  )

describe("a first deploy of the own fleet", () => {
  it("creates every service on each of its hosts, with nothing to go back to", () => {
    expect(services(first)).toHaveLength(wavesOf(fleet).flatMap(({ instances }) => instances).length)
    for (const each of services(first))
      expect(each).toMatchObject({ action: "create", reasons: ["not there yet"], back: { to: "removed" } })
    expect(services(first).every(({ from }) => from === undefined)).toBe(true)
  })

  it("goes in the blueprint's waves, each over all hosts", () => {
    expect(first.waves).toEqual(["core", "mainpc-gpu", "pc2-cpu", "rest"])
    const core = changesByWave(first)[0]!.services.map(({ service, host }) => `${service} ${host}`)
    expect(core.sort()).toEqual(
      [
        ...["ServiceRegistry mainpc", "SystemDigitalTwin mainpc", "UnifiedSystemAgent mainpc", "CentralErrorBus pc2"],
        ...["UnifiedObservabilityCenter mainpc", "UnifiedObservabilityCenter pc2"],
      ].sort(),
    )
    const gpu = changesByWave(first)[1]!.services
    expect(gpu.length).toBeGreaterThan(0)
    expect(gpu.every(({ stoodInFor, host }) => stoodInFor === "it takes a GPU" && host === "mainpc")).toBe(true)
  })
})

describe("a registry nearby", () => {
  const [mainpc, pc2] = ["mainpc", "pc2"] as const
  const near = (): Fleet => ({
    ...fleet,
    hosts: { ...fleet.hosts, pc2: { ...fleet.hosts.pc2!, mirror: "mainpc:5000" } },
  })

  it("is told to the host that it is for, which is told so in the plan", async () => {
    const registry = { host: "ghcr.io", org: "ours" }
    const plan = planned(near(), await targets(near(), currentTags()), empty, { registry })
    expect([mainpc, pc2].map((host) => bundleFor(plan, host).mirror)).toEqual([undefined, "mainpc:5000"])
    expect(rolloutPlanText(rolloutPlanDocument(plan))).toMatch(/^ {2}pull .*pc2 .* by mainpc:5000$/m)
  })

  it("is not asked for what is on the loopback of whoever deploys: it cannot have it", async () => {
    const plan = planned(near(), await targets(near(), currentTags()), empty)
    expect(bundleFor(plan, pc2).mirror).toBeUndefined()
  })
})

describe("a second deploy", () => {
  it("plans nothing where nothing changed", async () => {
    const plan = planned(fleet, await targets(fleet, currentTags()), looks)
    expect(changing(plan)).toEqual([])
    expect(plan.hosts.map(({ pull }) => pull.images)).toEqual([[], []])
    expect(changesByWave(plan)).toEqual([])
    expect(bundleFor(plan, "mainpc")).toMatchObject({ services: [], images: [], networks: [], definitions: {} })
  })

  it("plans nothing for a new tag on the same digests", async () => {
    const tags = { "reference-cpu:20261123-bbbbbbb": digest("cpu"), "reference-web:20261123-bbbbbbb": digest("web") }
    const plan = planned(fleet, await targets(fleet, tags, { tag: "20261123-bbbbbbb" }), looks)
    expect(changing(plan)).toEqual([])
    expect(services(plan)[0]).toMatchObject({ from: { tag: "current" }, to: { tag: "20261123-bbbbbbb" } })
  })

  it("plans nothing where services only move to another wave", async () => {
    const rollout = { ...fleet.policy.rollout, waves: [{ name: "all" }] }
    const moved: Fleet = { ...fleet, policy: { ...fleet.policy, rollout } }
    expect(changing(planned(moved, await targets(moved, currentTags()), looks))).toEqual([])
  })

  it("touches only the services of an app whose digest is new, and restarts each for that reason alone", async () => {
    const tags = { ...currentTags(), "reference-web:current": digest("web 2") }
    const plan = planned(fleet, await targets(fleet, tags), looks, { old: definitionsOf(first) })
    const web = Object.entries(fleet.services).filter(([, { family }]) => family === "family-web")
    const wanted = web.flatMap(([name, { hosts }]) => hosts.map((host) => `${host} ${name} replace`))
    expect(changing(plan).sort()).toEqual(wanted.sort())
    for (const each of services(plan).filter(({ action }) => action === "replace"))
      expect(each).toMatchObject({
        reasons: ["digest"],
        from: { digest: digest("web") },
        to: { digest: digest("web 2") },
        back: { to: "current", tag: "current", at: "host" },
      })
  })

  it("says which keys of a definition changed where the old one is known, and never their values", async () => {
    const app = { ...fleet.apps.reference!, env: { LOG_LEVEL: "not-for-plans" } }
    const other: Fleet = { ...fleet, apps: { reference: app } }
    const found = await targets(other, currentTags(), { services: ["ServiceRegistry"] })
    const [told] = services(planned(other, found, looks, { old: definitionsOf(first) }))
    expect(told).toMatchObject({ action: "replace", reasons: ["definition: environment.LOG_LEVEL"] })
    expect(services(planned(other, found, looks))[0]).toMatchObject({ reasons: ["definition"] })
    const both = await targets(
      other,
      { ...currentTags(), "reference-web:current": digest("2") },
      { services: ["ServiceRegistry"] },
    )
    expect(services(planned(other, both, looks, { old: definitionsOf(first) }))[0]!.reasons).toEqual([
      "digest",
      "definition: environment.LOG_LEVEL",
    ])
  })

  it.each([
    [{ state: "exited", exitCode: 137 }, "stopped, exit code 137"],
    [{ state: "restarting" }, "restarting"],
    [{ health: "unhealthy" }, "unhealthy"],
  ])("starts what is wanted and %j anew", async (change, reason) => {
    const plan = planned(fleet, await targets(fleet, currentTags()), altered("service_registry", change))
    expect(changing(plan)).toEqual(["mainpc ServiceRegistry start"])
    expect(services(plan).find(({ action }) => action === "start")).toMatchObject({ reasons: [reason] })
  })

  it("leaves alone what Docker has not probed yet", async () => {
    const found = await targets(fleet, currentTags())
    expect(changing(planned(fleet, found, altered("service_registry", { health: "starting" })))).toEqual([])
  })

  it("finishes what an unfinished run left, if it is what is wanted: nothing is made for it", async () => {
    const before = looks[0]!.containers
    const left = altered("service_registry", { run: "bbbbbb" }).map((look) => ({
      ...look,
      containers: [...look.containers, { ...before[0]!, name: "service_registry.prev", tag: "20261101-0000000" }],
    }))
    const plan = planned(fleet, await targets(fleet, currentTags()), left)
    expect(changing(plan)).toEqual(["mainpc ServiceRegistry finish"])
    const [finished] = changesByWave(plan)[0]!.services
    expect(finished).toMatchObject({
      reasons: ["run bbbbbb was not finished"],
      back: { to: "prev", tag: "20261101-0000000" },
    })
    const bundle = bundleFor(plan, "mainpc")
    expect(bundle).toMatchObject({ services: [], compose: { services: {} }, networks: [] })
  })

  it("replaces what was made by hand, and goes back to it", async () => {
    const hand = { run: undefined, definition: undefined, image: "127.0.0.1:5000/my-fleet/reference-web:current" }
    const plan = planned(fleet, await targets(fleet, currentTags()), altered("service_registry", hand))
    expect(services(plan).find(({ action }) => action !== "unchanged")).toMatchObject({
      ...{ service: "ServiceRegistry", action: "replace", reasons: ["digest", "definition: made by hand"] },
      back: { to: "current", image: hand.image, at: "unknown" },
    })
  })
})

describe("what a plan finds out before anything is touched", () => {
  const replaced = async (found: HostLook[], more = {}) =>
    planned(fleet, await targets(fleet, { ...currentTags(), "reference-web:current": digest("new") }), found, more)

  it("refuses a name that another's container has", async () => {
    const plan = await replaced(altered("service_registry", {}, { others: ["service_registry.prev", "nginx"] }))
    expect(plan.refusals).toEqual([
      expect.objectContaining({ kind: "name", host: "mainpc", service: "ServiceRegistry" }),
    ])
  })

  it("tells where the image is that goes back: here, in the registry, or nowhere, which is refused", async () => {
    const gone = looks.map((look) => ({ ...look, images: [] }))
    const image = container(looks[0]!, "service_registry").image
    const at = (plan: RolloutPlan) =>
      new Set(services(plan).flatMap(({ action, back }) => (action === "replace" ? [back!.at] : [])))
    const asked: string[] = []
    const registry = (there: boolean) => ({
      address,
      manifest: async (name: string, by: string) => {
        asked.push(`${name}@${by}`)
        return there ? "{}" : undefined
      },
    })
    expect(at(await replaced(looks))).toEqual(new Set(["host"]))
    expect(await pullable(looks, ["service_registry"], registry(true))).toEqual({})
    expect(at(await replaced(gone))).toEqual(new Set(["unknown"]))
    const kept = await pullable(gone, ["service_registry", "smart_home_agent"], registry(true))
    expect([kept, asked]).toEqual([{ [image]: true }, [`reference-web@${digest("web")}`]])
    expect(at(await replaced(gone, { pullable: kept }))).toEqual(new Set(["registry"]))
    const lost = await replaced(gone, { pullable: await pullable(gone, ["service_registry"], registry(false)) })
    expect(at(lost)).toEqual(new Set(["nowhere"]))
    expect(new Set(lost.refusals.map(({ kind }) => kind))).toEqual(new Set(["noWayBack"]))
  })

  it("never lets a rollback wait for a way back to what failed, and finds out that its own target is gone", async () => {
    const gone = looks.map((look) => ({ ...look, images: [] }))
    const image = container(looks[0]!, "service_registry").image
    const target = `127.0.0.1:5000/my-fleet/reference-web@${digest("new")}`
    const kinds = async (known: Record<string, boolean>) => [
      ...new Set((await replaced(gone, { verb: "rollback", pullable: known })).refusals.map(({ kind }) => kind)),
    ]
    expect(await kinds({ [image]: false, [target]: true })).toEqual([])
    expect(await kinds({ [image]: true, [target]: false })).toEqual(["noImage"])
  })

  it("names services that fleet.yaml has there no more, and plans nothing for them", async () => {
    const { ServiceRegistry: _, ...rest } = fleet.services
    const without: Fleet = { ...fleet, services: rest }
    const plan = planned(without, await targets(without, currentTags()), looks)
    expect([plan.hosts[0]!.strangers, changing(plan)]).toEqual([["ServiceRegistry"], []])
  })

  it("counts layers that images share once, and those that are there not at all", async () => {
    const layer = (name: string, compressed: number) => ({ digest: name, compressed, uncompressed: 2 * compressed })
    const layers = {
      [digest("cpu")]: [layer("base", 100), layer("cpu", 20)],
      [digest("web")]: [layer("base", 100), layer("web", 3)],
      [digest("web 2")]: [layer("base", 100), layer("web 2", 4)],
    }
    const found = await targets(fleet, currentTags())
    const bytes = (plan: RolloutPlan) => plan.hosts.map(({ pull }) => pull.bytes)
    expect(bytes(planned(fleet, found, empty, { layers }))).toEqual([123, 123])
    const next = await targets(fleet, { ...currentTags(), "reference-web:current": digest("web 2") })
    const plan = planned(fleet, next, looks, { layers })
    expect(bytes(plan)).toEqual([4, 4])
    const unknown = planned(fleet, next, looks).hosts[0]!.pull
    expect(unknown.unknown).toEqual([`127.0.0.1:5000/my-fleet/reference-web@${digest("web 2")}`])
  })

  it("expects each service to be away as long as at its last switch", async () => {
    const plan = await replaced(altered("service_registry", {}, { timings: { service_registry: 2.5 } }))
    const seconds = services(plan)
      .filter(({ action }) => action === "replace")
      .map(({ downSeconds }) => downSeconds)
    expect(seconds.filter((each) => each !== undefined)).toEqual([2.5])
  })

  it("is refused where nobody looked at a host", async () => {
    const found = await targets(fleet, currentTags())
    expect(() => planned(fleet, found, [looks[0]!])).toThrow("pc2: nobody looked at what runs there")
  })
})

describe("a plan's id", () => {
  it("is the same for the same plan, and another one when anything moves", async () => {
    const id = async (tags = currentTags(), found = looks) => planned(fleet, await targets(fleet, tags), found).id
    expect(await id()).toMatch(/^[0-9a-f]{8}$/)
    expect(await id()).toBe(
      await id(currentTags(), altered("service_registry", {}, { timings: { a: 1 }, freeBytes: 1 })),
    )
    const ids = [
      await id(),
      await id({ ...currentTags(), "reference-cpu:current": digest("x") }),
      await id(currentTags(), altered("service_registry", { image: "other" })),
      await id(currentTags(), altered("service_registry", { state: "exited" })),
      first.id,
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe("what a host is brought", () => {
  it("is how to make and probe each service, with ports and deadlines of its own", () => {
    const bundle = bundleFor(first, "pc2")
    expect(bundle.services.find(({ svc }) => svc === "tiered_responder")).toEqual({
      ...{ svc: "tiered_responder", wave: "pc2-cpu", healthPort: 8100, healthPath: "/health" },
      image: `127.0.0.1:5000/my-fleet/reference-cpu@${digest("cpu")}`,
      definition: expect.stringMatching(/^[0-9a-f]{12}$/),
      ...{ probeSeconds: 2, deadlineSeconds: 120, answers: 3, stopSeconds: 10 },
    })
    expect(bundle.images.sort()).toEqual(
      ["cpu", "web"].map((name) => `127.0.0.1:5000/my-fleet/reference-${name}@${digest(name)}`),
    )
    expect(bundle.networks).toEqual(["my-fleet"])
    expect(Object.keys(bundle.definitions)).toHaveLength(bundle.services.length)
  })

  it("has volumes by the names that the fleet gives them, and the host's machine profile", async () => {
    const path = "path: apps/stand-in, command: [python, main.py], standIn: true"
    const small = parseFleet(changed(path, `${path}, volumes: { data: /data }`))
    const tags = { "stand-in-p:current": digest("p") }
    const found = await targets(small, tags, { hosts: ["two"], services: ["SecondService"] })
    const bundle = bundleFor(planned(small, found, [bare("two")]), "two")
    expect(bundle.volumes).toEqual(["small_second_service_data"])
    expect(bundle.compose).toMatchObject({
      volumes: { second_service_data: { name: "small_second_service_data", external: true } },
    })
    const [name, text] = Object.entries(bundle.files)[0]!
    expect([name, JSON.parse(text).UVICORN_WORKERS]).toEqual([expect.stringMatching(/^[0-9a-f]{12}\.json$/), 32])
  })
})
