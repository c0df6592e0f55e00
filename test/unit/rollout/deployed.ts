import { createHash } from "node:crypto"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { loadFleet } from "../../../dagger/lib/fleet/load.ts"
import { standingIn } from "../../../dagger/lib/fleet/stand-in.ts"
import { MemoryStore } from "../../../dagger/lib/release/store.ts"
import type { HostContainer, HostLook } from "../../../dagger/lib/rollout/host/look.ts"
import { type PlanInput, planRollout, type RolloutPlan } from "../../../dagger/lib/rollout/plan/plan.ts"
import type { ComposeService } from "../../../dagger/lib/rollout/service.ts"
import { type Targets, targetsOf, type Wish } from "../../../dagger/lib/rollout/targets.ts"

// What a plan needs, made of data: a registry that is a map, and hosts on which plans were carried out.

export const now = new Date("2026-11-22T12:00:00Z")
export const address = { host: "127.0.0.1:5000", org: "my-fleet" }
export const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`

/** fleet.yaml as the demo yard runs it. */
export async function ownOnDemo(): Promise<Fleet> {
  const fleet = await loadFleet(new URL("../../..", import.meta.url).pathname)
  return { ...fleet, services: standingIn(fleet) }
}

/** A registry by "image:tag", which counts what it is asked. */
export class Tags {
  asked: string[] = []
  constructor(readonly tags: Record<string, string>) {}
  digestOf = async (image: string, tag: string): Promise<string | undefined> => {
    this.asked.push(`${image}:${tag}`)
    return this.tags[`${image}:${tag}`]
  }
}

export const currentTags = (): Record<string, string> => ({
  "reference-cpu:current": digest("cpu"),
  "reference-web:current": digest("web"),
})

export const targets = (
  fleet: Fleet,
  tags: Record<string, string>,
  wish: Partial<Wish> = {},
  records = new MemoryStore(),
): Promise<Targets> => targetsOf(fleet, { yard: "demo", pins: {}, now, ...wish }, { registry: new Tags(tags), records })

export const bare = (host: string, more: Partial<HostLook> = {}): HostLook => ({
  ...{ host, docker: "26.1.5", freeBytes: 1e11, containers: [], others: [], images: [], open: [], good: [] },
  ...{ timings: {}, snapshots: [], kept: [], runs: [], definitions: [] },
  ...more,
})

export const planned = (fleet: Fleet, found: Targets, looks: readonly HostLook[], more: Partial<PlanInput> = {}) =>
  planRollout({ fleet, yard: "demo", registry: address, targets: found, looks, layers: {}, ...more })

/** Hosts as they are after a plan was carried out on them and committed. */
export const carriedOut = (plan: RolloutPlan, looks: readonly HostLook[], run = "aaaaaa"): HostLook[] =>
  looks.map((look) => {
    const services = plan.hosts.find(({ host }) => host === look.host)?.services ?? []
    const switched = services.filter(({ action }) => action !== "unchanged")
    const made = switched.map(
      ({ svc, service, to }): HostContainer => ({
        ...{ name: svc, state: "running", health: "healthy", service, run, exitCode: 0, restarts: 0 },
        ...{ definition: to.definition, tag: to.tag, image: to.image, startedAt: "2026-11-22T12:00:00Z" },
        outOfMemory: false,
      }),
    )
    const names = new Set(made.map(({ name }) => name))
    const before = look.containers.flatMap((each) => {
      if (names.has(each.name)) return [{ ...each, name: `${each.name}.prev`, state: "exited" }]
      return names.has(each.name.replace(/\.prev$/, "")) ? [] : [each]
    })
    const containers = [...before, ...made]
    const kept = {
      seq: (look.kept[0]?.seq ?? 0) + 1,
      services: containers
        .filter(({ name }) => !name.includes("."))
        .map(({ name, definition = "", image, tag = "" }) => ({ svc: name, definition, image, tag })),
    }
    const summary = { seq: kept.seq, run, tag: services[0]?.to.tag ?? "", services: kept.services.length }
    return {
      ...look,
      containers,
      images: [...new Set([...look.images, ...services.map(({ to }) => to.image)])],
      good: [...look.good, ...made.map(({ name }) => `${name}.${run}`)],
      kept: [kept, ...look.kept].slice(0, 3),
      snapshots: [summary, ...look.snapshots],
    }
  })

/** The definitions of plans, as hosts keep them. */
export const definitionsOf = (...plans: RolloutPlan[]): Record<string, ComposeService> =>
  Object.fromEntries(
    plans.flatMap(({ hosts }) =>
      hosts.flatMap(({ services }) =>
        services.map(({ definition: { svc, hash, service } }) => [`${svc}.${hash}`, service]),
      ),
    ),
  )

export const changing = ({ hosts }: RolloutPlan): string[] =>
  hosts.flatMap(({ host, services }) =>
    services
      .filter(({ action }) => action !== "unchanged")
      .map(({ service, action }) => `${host} ${service} ${action}`),
  )
