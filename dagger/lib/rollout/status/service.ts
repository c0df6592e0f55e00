import { imageNameOf } from "../../fleet/apps.ts"
import type { Fleet } from "../../fleet/fleet.ts"
import { appOf } from "../../fleet/named.ts"
import { snakeName } from "../../fleet/names.ts"
import { waveOf } from "../../fleet/waves.ts"
import { digestIn } from "../../release/reference.ts"
import { currentOf, type HostContainer, type HostLook, isGood, type Snapshot } from "../host/look.ts"
import { containerName, imageName } from "../host/names.ts"

/** In what a service on a host differs from what was deployed there last. */
export type Drift = "missing" | "stopped" | "image" | "definition" | "by-hand" | "unfinished" | "unknown"

/** "none": it runs, and has no probe. "restarting" and "down" are Docker's answer before any probe. */
export type Health = "healthy" | "starting" | "unhealthy" | "none" | "restarting" | "down"

/** How one service stands on one host. */
export interface ServiceStatus {
  /** As in fleet.yaml; for a container that it does not know, the label of that one. */
  service: string
  container: string
  /** Absent for what fleet.yaml does not know. */
  wave?: string
  /** It has no code of its own, or runs another image than its own: the demo yard has no GPUs. */
  standIn: boolean
  /** The image that was deployed last, by digest; null where nothing was. */
  wanted: string | null
  /** The image of the container that runs. */
  running: string | null
  health: Health
  drift: Drift[]
  tag?: string
  run?: string
  /** UTC. */
  startedAt?: string
  restarts: number
  outOfMemory: boolean
  exitCode?: number
}

type Deployed = Snapshot["services"][number]

/** Every service that fleet.yaml puts on this host, wave by wave, then whatever else of the fleet is there. */
export function servicesOn(fleet: Fleet, look: HostLook): ServiceStatus[] {
  const { host } = look
  const deployed = new Map((look.kept[0]?.services ?? []).map((each) => [each.svc, each]))
  const named = Object.entries(fleet.services)
    .filter(([, { hosts }]) => hosts.includes(host))
    .map(([name, service]) => {
      const svc = snakeName(name)
      const wave = waveOf(fleet, { name, ...service }, host)
      const found = { look, container: currentOf(look, svc), deployed: deployed.get(svc) }
      const stands = standing(svc, found)
      const other = stands.running !== null && imageName(stands.running) !== imageNameOf(fleet, service)
      return { service: name, container: svc, wave, standIn: appOf(fleet, name).standIn || other, ...stands }
    })
  const order = fleet.policy.rollout.waves.map(({ name }) => name)
  named.sort((one, other) => order.indexOf(one.wave) - order.indexOf(other.wave))
  const known = new Set(named.map(({ container }) => container))
  const strangers = look.containers.filter(({ name }) => {
    const of = containerName(name)
    return of === undefined || (of.role === "current" && !known.has(of.svc))
  })
  return [...named, ...strangers.map((container) => stranger(look, container))]
}

function stranger(look: HostLook, container: HostContainer): ServiceStatus {
  const { name, service } = container
  const { drift, ...rest } = standing(name, { look, container, deployed: undefined })
  const others = drift.filter((each) => each !== "by-hand" && each !== "unfinished")
  return { service: service || name, container: name, standIn: false, ...rest, drift: ["unknown", ...others] }
}

interface Found {
  look: HostLook
  container?: HostContainer
  deployed?: Deployed
}

type Standing = Omit<ServiceStatus, "service" | "container" | "wave" | "standIn">

function standing(svc: string, found: Found): Standing {
  const { container, deployed } = found
  const wanted = deployed?.image ?? null
  const drift = driftOf(svc, found)
  if (!container) return { wanted, running: null, health: "down", drift, restarts: 0, outOfMemory: false }
  const { tag, run, startedAt, restarts, outOfMemory, exitCode } = container
  const health = healthOf(container)
  return {
    ...{ wanted, running: health === "down" ? null : container.image, health, drift, restarts, outOfMemory },
    ...(tag !== undefined && { tag }),
    ...(run !== undefined && { run }),
    ...(health === "down" ? { exitCode } : { startedAt }),
  }
}

function healthOf({ state, health }: HostContainer): Health {
  if (state === "restarting") return "restarting"
  if (state !== "running") return "down"
  return health === "healthy" || health === "unhealthy" || health === "starting" ? health : "none"
}

/** What an unfinished run has switched differs from what was deployed before as it should: that alone is told then. */
function driftOf(svc: string, { look, container, deployed }: Found): Drift[] {
  if (!container) return ["missing"]
  const stopped: Drift[] = healthOf(container) === "down" ? ["stopped"] : []
  if (!isGood(look, svc, container)) return [...stopped, "unfinished"]
  const byHand = container.run === undefined
  return [
    ...stopped,
    ...(byHand ? (["by-hand"] as const) : []),
    ...(deployed && sameImage(container.image, deployed.image) === false ? (["image"] as const) : []),
    ...(deployed && !byHand && container.definition !== deployed.definition ? (["definition"] as const) : []),
  ]
}

/** By digest where both have one: the same bytes may have come under another name. */
const sameImage = (a: string, b: string): boolean => (digestIn(a) ?? a) === (digestIn(b) ?? b)

/** It serves, and is what was deployed. A container that only just started is given the time that its probe takes. */
export const isWell = ({ drift, health }: ServiceStatus): boolean => drift.length === 0 && !isIll(health)

export const isIll = (health: Health): boolean => health === "unhealthy" || health === "restarting" || health === "down"
