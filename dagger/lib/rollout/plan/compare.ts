import { createHash } from "node:crypto"
import type { Fleet } from "../../fleet/fleet.ts"
import { snakeName } from "../../fleet/names.ts"
import { Problem } from "../../problem.ts"
import { canonical } from "../../release/canonical.ts"
import { digestIn } from "../../release/reference.ts"
import { isLoopback, repository } from "../../release/registry.ts"
import { changedKeys, type Definition, manifestOf, profileFile } from "../definition.ts"
import { currentOf, type HostContainer, type HostLook, isGood } from "../host/look.ts"
import type { ChosenTag } from "../targets.ts"
import { refusalsFor, wayBack } from "./back.ts"
import type { Action, PlanInput, PlannedHost, PlannedService, RolloutPlan, Version } from "./plan.ts"
import { pullFor } from "./pull.ts"

/** What one host is to run of one service, wherever that was decided. */
export type WantedService = Pick<
  PlannedService,
  "service" | "host" | "wave" | "to" | "standIn" | "stoodInFor" | "definition"
>

export interface Wants {
  verb: RolloutPlan["verb"]
  wanted: readonly WantedService[]
  chosen: Readonly<Record<string, ChosenTag>>
  leftOut: RolloutPlan["leftOut"]
}

/** What a plan needs to know besides what is wanted. */
export type Facts = Omit<PlanInput, "targets">

/** The plan that takes every host from what it has to what is wanted of it. */
export function planFor(facts: Facts, { verb, wanted, chosen, leftOut }: Wants): RolloutPlan {
  const { fleet } = facts
  const hosts = Object.entries(chosen).map(([host, tag]): PlannedHost => {
    const look = lookOf(facts.looks, host)
    const services = wanted.filter((each) => each.host === host).map((each) => compared(each, look, facts))
    const { name, text } = profileFile(fleet, host)
    // One on the deployer's loopback is reached by a tunnel, and nothing else has what it has.
    const mirror = isLoopback(facts.registry) ? undefined : fleet.hosts[host]?.mirror
    return {
      ...{ host, chosen: tag, services },
      pull: { ...pullFor(services, look, facts.layers), ...(mirror !== undefined && { mirror }) },
      strangers: strangersOn(look, fleet),
      files: { [name]: text },
    }
  })
  const all = hosts.flatMap(({ services }) => services)
  const plan = {
    ...{ verb, fleet: fleet.name, yard: facts.yard, hosts, leftOut },
    registry: repository(facts.registry, "").slice(0, -1),
    waves: fleet.policy.rollout.waves.map(({ name }) => name).filter((name) => all.some(({ wave }) => wave === name)),
    refusals: hosts.flatMap(({ host, services }) =>
      refusalsFor(services, lookOf(facts.looks, host), { verb, ...facts }),
    ),
  }
  return { id: idOf(plan), ...plan }
}

export function lookOf(looks: readonly HostLook[], host: string): HostLook {
  const look = looks.find((each) => each.host === host)
  if (look) return look
  throw new Problem("nobody looked at what runs there", {
    where: host,
    fix: "leave it out by --host, or mend it first",
  })
}

function compared(wanted: WantedService, look: HostLook, { fleet, old = {}, pullable = {} }: Facts): PlannedService {
  const { definition, to } = wanted
  const { svc } = definition
  const current = currentOf(look, svc)
  const { action, reasons } = actionFor(wanted, current, {
    good: current !== undefined && isGood(look, svc, current),
    old: current?.definition === undefined ? undefined : old[`${svc}.${current.definition}`],
  })
  const downSeconds = Object.hasOwn(look.timings, svc) ? look.timings[svc] : undefined
  return {
    ...wanted,
    ...{ svc, action, reasons, to, stopFirst: true },
    ...(current && { from: versionOf(current) }),
    ...(downSeconds !== undefined && { downSeconds }),
    ...(action !== "unchanged" && { back: wayBack(look, svc, pullable) }),
    manifest: manifestOf(definition, fleet.policy, wanted.wave),
  }
}

const versionOf = ({ image, definition, tag }: HostContainer): Version => {
  const digest = digestIn(image)
  return { image, ...(digest && { digest }), ...(definition && { definition }), ...(tag && { tag }) }
}

function actionFor(
  { definition, to }: WantedService,
  current: HostContainer | undefined,
  { good, old }: { good: boolean; old?: Definition["service"] },
): { action: Action; reasons: string[] } {
  if (!current) return { action: "create", reasons: ["not there yet"] }
  if (current.definition !== definition.hash) {
    const digest = digestIn(current.image)
    const keys = old && changedKeys(old, definition.service)
    const others = keys?.filter((key) => digest === to.digest || !ofImage.includes(key)) ?? []
    const told = current.definition === undefined ? "made by hand" : others.slice(0, 4).join(", ")
    const definitionReason = told
      ? `definition: ${told}${others.length > 4 ? ` and ${others.length - 4} more` : ""}`
      : "definition"
    const also = digest === to.digest || others.length > 0 || current.definition === undefined
    return {
      action: "replace",
      reasons: [...(digest === to.digest ? [] : ["digest"]), ...(also ? [definitionReason] : [])],
    }
  }
  const ill = illness(current)
  if (ill) return { action: "start", reasons: [ill] }
  return good
    ? { action: "unchanged", reasons: [] }
    : { action: "finish", reasons: [`run ${current.run ?? ""} was not finished`] }
}

// They follow the digest.
const ofImage = ["image", "environment.FAIRLEAD_IMAGE"]

/** "starting" is no illness: a service that was just switched is so until Docker's own first probe. */
function illness({ state, health, exitCode }: HostContainer): string | undefined {
  if (state === "exited" || state === "dead") return `stopped, exit code ${exitCode}`
  if (state !== "running") return state
  return health === "unhealthy" ? health : undefined
}

/** Containers of this fleet that serve for no service which fleet.yaml has there. */
function strangersOn(look: HostLook, fleet: Fleet): string[] {
  const known = new Set(
    Object.entries(fleet.services).flatMap(([name, { hosts }]) => (hosts.includes(look.host) ? [snakeName(name)] : [])),
  )
  return look.containers
    .filter(({ name }) => /^[a-z][a-z0-9_]*$/.test(name) && !known.has(name))
    .map(({ name, service }) => service || name)
}

/** Over what moves and what it was decided by; sizes, times and words may differ. */
function idOf({ verb, fleet, yard, registry, hosts }: Omit<RolloutPlan, "id">): string {
  const essentials = hosts.map(({ host, services }) => [
    host,
    services.map(({ svc, action, from, to }) => [svc, action, from?.image, from?.definition, to.image, to.definition]),
  ])
  const text = canonical([verb, fleet, yard, registry, essentials])
  return createHash("sha256").update(text).digest("hex").slice(0, 8)
}
