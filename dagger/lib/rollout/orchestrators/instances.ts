import type { Fleet } from "../../fleet/fleet.ts"
import { appOf } from "../../fleet/named.ts"
import { snakeName } from "../../fleet/names.ts"
import { type Instance, wavesOf } from "../../fleet/waves.ts"
import { wrongInput } from "../../problem.ts"
import type { ImageReference } from "../service.ts"

/** How a fleet is rendered for an orchestrator that is there already. */
export interface OrchestratorOptions {
  /** Only what runs on this host. Default: the whole fleet. */
  host?: string
  /** The image that a service runs. */
  image?: (service: Instance["service"]) => ImageReference
  /** IP address of the observability receiver. Default: as fleet.yaml says. */
  observability?: string
}

/** Every service on each of its hosts, in the order in which waves roll out. */
export const instancesOf = (fleet: Fleet, { host: only }: Pick<OrchestratorOptions, "host"> = {}): Instance[] =>
  wavesOf(fleet)
    .flatMap(({ instances }) => instances)
    .filter(({ host }) => only === undefined || host === only)

/**
 * "tiered_responder-pc2": an orchestrator runs the whole fleet under one roof, so a service on two hosts needs two names.
 * Orchestrators make names of containers and of DNS out of it, which end at 63 characters.
 */
export function instanceName({ service, host }: Instance): string {
  const name = `${snakeName(service.name)}-${host}`
  if (name.length <= 63) return name
  throw wrongInput(`${name} has ${name.length} characters, and an orchestrator takes 63`, {
    where: `fleet.yaml: services.${service.name}`,
    fix: "give the service or the host a shorter name",
  })
}

/** How many GPU services each host has, each counted as often as the GPUs that it takes; hosts without any are left out. */
export function gpuShares(instances: readonly Instance[]): Record<string, number> {
  const shares: Record<string, number> = {}
  for (const { service, host } of instances) if (service.gpus > 0) shares[host] = (shares[host] ?? 0) + service.gpus
  return shares
}

/** What nobody should find out at night, whatever the orchestrator. */
export function commonNotes(fleet: Fleet, instances: readonly Instance[]): string[] {
  const named = (which: (instance: Instance) => boolean): string =>
    [...new Set(instances.filter(which).map(({ service }) => service.name))].join(", ")
  const standIns = instances.filter(({ service }) => appOf(fleet, service.name).standIn)
  const docker = named(({ service }) => service.needs.includes("docker"))
  const audio = named(({ service }) => service.needs.includes("audio"))
  return [
    ...(standIns.length > 0
      ? [`${standIns.length} of ${instances.length} containers run a stand-in: fleet.yaml names no code of theirs.`]
      : []),
    ...(docker ? [`${docker}: gets the node's /var/run/docker.sock, which is as good as root there.`] : []),
    ...(audio ? [`${audio}: silent, since no sound device is handed on.`] : []),
  ]
}

/** A comment of lines, as YAML has it. */
export const comment = (lines: readonly string[]): string => lines.map((line) => (line ? ` ${line}` : "")).join("\n")
