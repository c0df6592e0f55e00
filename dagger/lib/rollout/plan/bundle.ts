import { composeProject, volumesOf } from "../definition.ts"
import type { Bundle } from "../host/job.ts"
import type { PlannedService, RolloutPlan } from "./plan.ts"

/** It gets a new container; "finish" has the one that is wanted. */
export const isSwitched = ({ action }: PlannedService): boolean => action !== "unchanged" && action !== "finish"

/**
 * What `HostRunner.put` brings to one host. Services to finish are in the manifest, so that the host can probe them and
 * take them back, and not in the compose project: nothing is made for them.
 */
export function bundleFor(plan: RolloutPlan, host: string): Bundle {
  const planned = plan.hosts.find((each) => each.host === host)
  const changing = planned?.services.filter(({ action }) => action !== "unchanged") ?? []
  const made = changing.filter(isSwitched).map(({ definition }) => definition)
  return {
    services: changing.map(({ manifest }) => manifest),
    images: planned?.pull.images ?? [],
    volumes: volumesOf(made).map((name) => `${plan.fleet}_${name}`),
    networks: made.length > 0 ? [plan.fleet] : [],
    compose: composeProject(plan.fleet, made),
    definitions: Object.fromEntries(
      changing.map(({ definition: { svc, hash, service } }) => [`${svc}.${hash}`, service]),
    ),
    files: planned?.files ?? {},
  }
}
