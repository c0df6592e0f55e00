import { createHash } from "node:crypto"
import type { Fleet } from "../../fleet/fleet.ts"
import { appOf } from "../../fleet/named.ts"
import { snakeName } from "../../fleet/names.ts"
import type { NamedService } from "../../fleet/service.ts"
import type { Instance } from "../../fleet/waves.ts"
import { madeBy } from "../header.ts"
import { type ComposeService, composeService, profileText, volumeName } from "../service.ts"
import { written } from "../written.ts"
import { comment, commonNotes, gpuShares, instanceName, instancesOf, type OrchestratorOptions } from "./instances.ts"

/** The node label that stands for a host of fleet.yaml, and the generic resource that stands for its GPUs. */
export const nodeLabel = "fairlead.host"
export const gpuResource = "NVIDIA-GPU"

/** The fleet as a stack for a Docker swarm, with the machine profiles that it reads beside it. */
export function swarmFiles(fleet: Fleet, options: OrchestratorOptions = {}): Record<string, string> {
  const instances = instancesOf(fleet, options)
  const hosts = [...new Set(instances.map(({ host }) => host))].sort()
  const volumes = instances.flatMap(({ service }) =>
    Object.keys(appOf(fleet, service.name).volumes).map((each) => volumeName(service.name, each)),
  )
  const stack = {
    // What the stack needs is in 3.9; Docker's own tool takes later ones for unknown where it is older.
    version: "3.9",
    services: Object.fromEntries(instances.map((each) => [instanceName(each), swarmService(fleet, each, options)])),
    // A config never changes in a swarm: another profile is another one, and what reads it starts anew.
    configs: Object.fromEntries(
      hosts.map((host) => [profileOf(host), { name: configName(fleet, host), file: `./${host}.profile.json` }]),
    ),
    ...(volumes.length > 0 ? { volumes: Object.fromEntries(volumes.map((name) => [name, {}])) } : {}),
  }
  const profiles = hosts.map((host) => [`${host}.profile.json`, profileText(fleet.hosts[host]!.profile)] as const)
  return { "stack.yaml": written(header(fleet, instances), stack), ...Object.fromEntries(profiles) }
}

/** What is odd about the stack: what people have to do, and what a swarm does not do. */
export function swarmNotes(fleet: Fleet, instances: readonly Instance[]): string[] {
  const shares = Object.entries(gpuShares(instances)).map(
    ([host, count]) => `${host} "node-generic-resources": ["${gpuResource}=${count}"]`,
  )
  return [
    ...commonNotes(fleet, instances),
    ...(shares.length > 0
      ? [
          `a swarm hands a GPU out once, and here services share one: let each node offer as many as it has GPU services, in its daemon.json (${shares.join(", ")}; "default-runtime": "nvidia").`,
        ]
      : []),
    'a stack knows neither no-new-privileges ("no-new-privileges": true in daemon.json) nor an order of start.',
  ]
}

/** One container on one host: what compose starts there, by a swarm's means. */
function swarmService(fleet: Fleet, { service, host }: Instance, options: OrchestratorOptions): ComposeService {
  const { image, observability } = options
  // What only compose knows is left out here, or said in the swarm's own way below.
  const {
    container_name: _name,
    security_opt: _options,
    depends_on: _order,
    restart: _restart,
    tmpfs: _tmpfs,
    group_add: groups,
    volumes = [],
    ...own
  } = composeService(fleet, service, host, { image, observability })
  const devices = visibleDevices(fleet, service, host)
  return {
    ...own,
    // A stack cannot add groups: the one that is needed becomes the container's own.
    ...(groups ? { user: `${String(own.user).split(":")[0]}:${(groups as string[])[0]}` } : {}),
    volumes: [
      ...["/tmp", ...appOf(fleet, service.name).tmpfs].map((target) => ({ type: "tmpfs", target })),
      // Without the path on the node a swarm starts nothing: it makes no empty folder.
      ...(volumes as Record<string, unknown>[]).map(({ bind: _bind, ...each }) => each),
    ],
    configs: [{ source: profileOf(host), target: "/etc/machine-profile.json" }],
    // On the node itself, as compose does: by the swarm's own routing a service could not be on two hosts.
    ports: [...new Set([service.port, service.healthPort])].map((port) => ({
      ...{ target: port, published: port, protocol: "tcp", mode: "host" },
    })),
    environment: { ...(own.environment as object), ...(devices ? { NVIDIA_VISIBLE_DEVICES: devices } : {}) },
    networks: { default: { aliases: [snakeName(service.name)] } },
    deploy: deployOf(fleet, service, host),
  }
}

function deployOf({ policy }: Fleet, { memory, pids, gpus }: NamedService, host: string): object {
  const { intervalSeconds, retries } = policy.image.health
  const limits = {
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(pids === undefined ? {} : { pids }),
  }
  const reservations = { generic_resources: [{ discrete_resource_spec: { kind: gpuResource, value: gpus } }] }
  // The old one has to be gone: its ports are the node's, and its GPU memory is needed.
  const update = { parallelism: 1, order: "stop-first", monitor: `${intervalSeconds * retries}s` }
  return {
    replicas: 1,
    // One container each: a virtual address would only cost addresses of the network.
    endpoint_mode: "dnsrr",
    placement: { constraints: [`node.labels.${nodeLabel} == ${host}`], max_replicas_per_node: 1 },
    update_config: { ...update, failure_action: "rollback" },
    rollback_config: { ...update, failure_action: "pause" },
    restart_policy: { condition: "any", delay: "5s" },
    ...(gpus > 0 || Object.keys(limits).length > 0
      ? { resources: { ...(Object.keys(limits).length > 0 ? { limits } : {}), ...(gpus > 0 ? { reservations } : {}) } }
      : {}),
  }
}

/** The GPUs that NVIDIA's runtime shows a container, as compose reserves them: the first of the host's visible ones. */
const visibleDevices = ({ hosts }: Fleet, { gpus }: NamedService, host: string): string | undefined =>
  gpus > 0 ? hosts[host]?.profile.GPU_VISIBLE_DEVICES.split(",").slice(0, gpus).join(",") : undefined

const profileOf = (host: string): string => `machine-profile-${host}`

// Names of configs end at 64 characters and are the swarm's, not the stack's.
function configName(fleet: Fleet, host: string): string {
  const content = JSON.stringify([fleet.name, host, profileText(fleet.hosts[host]!.profile)])
  return `fairlead-profile-${createHash("sha256").update(content).digest("hex").slice(0, 12)}`
}

function header(fleet: Fleet, instances: readonly Instance[]): string {
  const hosts = [...new Set(instances.map(({ host }) => host))].sort()
  return comment([
    `What ${fleet.name} runs, as a stack for a Docker swarm. ${madeBy}: change that one.`,
    "",
    "Tell the swarm once which node is which host, then deploy, with the profiles beside this file:",
    ...hosts.map((host) => `  docker node update --label-add ${nodeLabel}=${host} NODE`),
    `  docker stack deploy --with-registry-auth -c stack.yaml ${fleet.name}`,
    "",
    "Variables, from the environment: FAIRLEAD_REGISTRY, FORCE_IMAGE_TAG, FAIRLEAD_INGEST_URL, OBSERVABILITY_ADDRESS, DOCKER_GID.",
    ...swarmNotes(fleet, instances).flatMap((note) => ["", `Note: ${note}`]),
  ])
}
