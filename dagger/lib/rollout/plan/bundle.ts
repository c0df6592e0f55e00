import { composeProject, type Definition, volumesOf } from "../definition.ts"
import type { Bundle } from "../host/job.ts"
import { literal } from "../interpolation.ts"
import type { PlannedHost, PlannedService, RolloutPlan } from "./plan.ts"

/** It gets a new container; "finish" has the one that is wanted. */
export const isSwitched = ({ action }: Pick<PlannedService, "action">): boolean =>
  action !== "unchanged" && action !== "finish"

/** What `HostRunner.put` brings to one host: all that is made anew there. What is only to be finished the host has. */
export function bundleFor(plan: RolloutPlan, host: string): Bundle {
  const planned = plan.hosts.find((each) => each.host === host)
  const switched = planned?.services.filter(isSwitched) ?? []
  const definitions = switched.map(({ definition }) => definition)
  return {
    tag: planned ? releaseOf(planned) : "none",
    services: switched.map(({ manifest }) => manifest),
    images: planned?.pull.images ?? [],
    mirror: planned?.pull.mirror,
    volumes: volumesOf(definitions).map((name) => `${plan.fleet}_${name}`),
    networks: switched.length > 0 ? [plan.fleet] : [],
    compose: composeProject(plan.fleet, switched.map(tagged)),
    definitions: Object.fromEntries(definitions.map(({ svc, hash, service }) => [`${svc}.${hash}`, service])),
    files: planned?.files ?? {},
  }
}

/** The release that people know a host's state by: the newest among its services', where nobody named one. */
export const releaseOf = ({ chosen, services }: PlannedHost): string =>
  chosen.by === "current"
    ? (services
        .map(({ to }) => to.tag)
        .sort()
        .at(-1) ?? chosen.tag)
    : chosen.tag

/** Each container says which release its image is of, and not one for all. */
const tagged = ({ definition, to }: PlannedService): Definition => {
  const labels = { ...(definition.service.labels as Record<string, string>), "dev.fairlead.tag": literal(to.tag) }
  return { ...definition, service: { ...definition.service, labels } }
}
