import { createHash } from "node:crypto"
import { appNameOf, imageNameOf } from "../fleet/apps.ts"
import type { Fleet } from "../fleet/fleet.ts"
import type { Profile } from "../fleet/host.ts"
import { appNamed, type NamedApp } from "../fleet/named.ts"
import { snakeName } from "../fleet/names.ts"
import type { NamedService } from "../fleet/service.ts"
import { waveOf } from "../fleet/waves.ts"
import { type Audio, audioParts } from "./audio.ts"
import { literal, variable } from "./interpolation.ts"
import { observerFor } from "./observability.ts"

/** The image of a service, with what its container is told about it. */
export interface ImageReference {
  /** "ghcr.io/my-fleet/reference-web@sha256:…". */
  image: string
  gitSha?: string
}

export interface ComposeOptions {
  /** The image that a service runs. Default: variables that whoever runs compose by hand can set. */
  image?: (service: NamedService) => ImageReference
  /** Default: "none", since a device that is missing keeps a container from starting. */
  audio?: Audio
  /** false leaves the GPUs alone, for hosts that only stand for others. */
  gpu?: boolean
  /** IP address of the observability receiver, or "host-gateway". Default: as fleet.yaml says. */
  observability?: string
}

/** A service of a compose file. Source: the compose specification, 05-services.md. */
export type ComposeService = Record<string, unknown>

/** What compose starts for one service on one host. */
export function composeService(
  fleet: Fleet,
  service: NamedService,
  host: string,
  options: ComposeOptions,
): ComposeService {
  const { image: policy } = fleet.policy
  const app = appNamed(fleet, appNameOf(fleet.apps, service) ?? "")
  const { environment, volumes, group_add, ...audio } = soundOf(service, options)
  const reference = referenceOf(fleet, service, options)
  const groups = [...(service.needs.includes("docker") ? ["${DOCKER_GID:-999}"] : []), ...(group_add ?? [])]
  const resources = resourcesOf(fleet, service, host, options)
  return {
    container_name: snakeName(service.name),
    image: reference.image,
    command: app.command.map(literal),
    user: policy.user,
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    ...(groups.length > 0 ? { group_add: groups } : {}),
    // Without a mode it gets that of the folder that it covers, and root as its owner.
    tmpfs: ["/tmp", ...app.tmpfs.map((path) => `${path}:mode=1777`)],
    ...present("volumes", [...volumesOf(service, app), ...(volumes ?? [])]),
    configs: [{ source: profileConfig, target: "/etc/machine-profile.json" }],
    ...audio,
    ports: [...new Set([service.port, service.healthPort])].map((port) => `\${FAIRLEAD_BIND:-0.0.0.0}:${port}:${port}`),
    environment: { ...environmentOf(fleet, service, app, reference), ...environment },
    ...hostsOf(fleet, host, options),
    healthcheck: {
      test: ["CMD", "fairlead-health"],
      interval: `${policy.health.intervalSeconds}s`,
      timeout: `${policy.health.timeoutSeconds}s`,
      retries: policy.health.retries,
      start_period: `${service.healthySeconds ?? fleet.policy.rollout.healthySeconds}s`,
    },
    ...present("depends_on", infrastructureFor(fleet, service, host)),
    ...(resources ? { deploy: { resources } } : {}),
    labels: labelsOf(fleet, service, host, app),
    logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
    restart: "unless-stopped",
    stop_grace_period: `${policy.stopSeconds}s`,
  }
}

/** The compose config that carries the machine profile into containers. */
export const profileConfig = "machine-profile"

/** What a service with audio gets besides, for a file that is laid over the other: -f host.yaml -f host.snd.yaml. */
export const soundService = (audio: Audio): ComposeService => audioParts(audio)

export const profileText = (profile: Profile): string => `${JSON.stringify(profile, null, 2)}\n`

interface Sound {
  environment?: Record<string, string>
  volumes?: unknown[]
  group_add?: string[]
}

const soundOf = (service: NamedService, { audio = "none" }: ComposeOptions): Sound =>
  service.needs.includes("audio") ? audioParts(audio) : {}

function referenceOf(fleet: Fleet, service: NamedService, { image }: ComposeOptions): Required<ImageReference> {
  if (image) {
    const { image: ref, gitSha = "" } = image(service)
    return { image: literal(ref), gitSha: literal(gitSha) }
  }
  const { host, org } = fleet.registry
  // `current` is what the last release set (release/publish.ts), so that a file in git does not change with each of them.
  const tag = variable("FORCE_IMAGE_TAG", "current")
  return {
    image: `${variable("FAIRLEAD_REGISTRY", `${host}/${org}`)}/${imageNameOf(fleet, service)}:${tag}`,
    gitSha: variable("FAIRLEAD_GIT_SHA", ""),
  }
}

/** What a container is told by its environment; values as compose and Kubernetes take them, with "$" doubled. */
export function environmentOf(
  fleet: Fleet,
  { name, port, healthPort, env }: NamedService,
  app: NamedApp,
  { image, gitSha }: Required<ImageReference>,
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries({ ...app.env, ...env }).map(([key, value]) => [key, literal(value)])),
    [app.portEnv]: String(port),
    [app.healthPortEnv]: String(healthPort),
    // fairlead-health reads it, whatever the app calls its own.
    HEALTH_PORT: String(healthPort),
    FAIRLEAD_SERVICE: name,
    FAIRLEAD_IMAGE: image,
    FAIRLEAD_GIT_SHA: gitSha,
    FAIRLEAD_INGEST_URL: variable("FAIRLEAD_INGEST_URL", fleet.policy.image.ingestUrl),
  }
}

function volumesOf(service: NamedService, { volumes, binds }: NamedApp): unknown[] {
  return [
    ...Object.entries(volumes).map(([name, target]) => ({
      type: "volume",
      source: volumeName(service.name, name),
      target,
    })),
    ...Object.entries({ ...binds, ...(service.needs.includes("docker") ? { [socket]: socket } : {}) }).map(
      ([source, target]) => ({ type: "bind", source, target, read_only: true, bind: { create_host_path: false } }),
    ),
  ]
}

const socket = "/var/run/docker.sock"

/** Services share no volume: each has its own, by its own name. */
export const volumeName = (service: string, volume: string): string => `${snakeName(service)}_${volume}`

function hostsOf(fleet: Fleet, host: string, { observability }: ComposeOptions): { extra_hosts?: string[] } {
  const observer = observerFor(fleet, host)
  if (observer?.name === undefined) return {}
  const address = observability ?? variable("OBSERVABILITY_ADDRESS", observer.address)
  return { extra_hosts: [`${observer.name}:${address}`] }
}

/**
 * The services of earlier waves that are named one by one: those are infrastructure to all that comes later, while a wave
 * of a host or of its GPU services only says in which order to go. Only the start is waited for, since one service that
 * never gets healthy would otherwise keep all others down; `fairlead deploy` waits for health, wave by wave.
 */
export function infrastructureFor(fleet: Fleet, service: NamedService, host: string): string[] {
  const { waves } = fleet.policy.rollout
  const own = waves.findIndex(({ name }) => name === waveOf(fleet, service, host))
  const named = waves.slice(0, Math.max(own, 0)).filter(({ services }) => services !== undefined)
  const earlier = new Set(named.map(({ name }) => name))
  return Object.entries(fleet.services)
    .filter(([, { hosts }]) => hosts.includes(host))
    .filter(([name, each]) => earlier.has(waveOf(fleet, { name, ...each }, host)))
    .map(([name]) => snakeName(name))
}

function resourcesOf(fleet: Fleet, { gpus, memory, pids }: NamedService, host: string, { gpu = true }: ComposeOptions) {
  const visible = fleet.hosts[host]?.profile.GPU_VISIBLE_DEVICES.split(",") ?? []
  const limits = {
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(pids === undefined ? {} : { pids }),
  }
  const devices = [{ driver: "nvidia", device_ids: visible.slice(0, gpus), capabilities: ["gpu"] }]
  const resources = {
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(gpus > 0 && gpu ? { reservations: { devices } } : {}),
  }
  return Object.keys(resources).length > 0 ? resources : undefined
}

/** By which rollout and status find a container, and what people want to know of it. */
export function labelsOf(fleet: Fleet, service: NamedService, host: string, app: NamedApp): Record<string, string> {
  const profile = fleet.hosts[host]?.profile
  const digest = profile && createHash("sha256").update(profileText(profile)).digest("hex").slice(0, 12)
  return {
    "dev.fairlead.fleet": fleet.name,
    "dev.fairlead.host": host,
    "dev.fairlead.service": service.name,
    "dev.fairlead.family": service.family,
    "dev.fairlead.app": app.name,
    "dev.fairlead.stand-in": String(app.standIn),
    "dev.fairlead.wave": waveOf(fleet, service, host),
    // Compose does not look into the file, so another profile would start nothing anew.
    ...(digest ? { "dev.fairlead.profile": digest } : {}),
  }
}

const present = (key: string, list: readonly unknown[]): Record<string, unknown> =>
  list.length > 0 ? { [key]: list } : {}
