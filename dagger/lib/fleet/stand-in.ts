import type { Fleet } from "./fleet.ts"
import { lineage, usesGpu } from "./hierarchy.ts"
import { owned } from "./names.ts"
import type { Service } from "./service.ts"

/**
 * The services of a fleet for a yard without GPUs: what takes one, and what runs on a family for GPUs or on one that cannot
 * be built yet, runs the stand-in on a CPU family, and says so by `stoodInFor`. So does a stand-in on a line of its own. Ports, hosts and waves stay what they are.
 * A fleet without a stand-in, or without a CPU family to run it on, stays as it is.
 */
export function standingIn(fleet: Fleet): Record<string, Service> {
  const app = Object.keys(fleet.apps).find((name) => fleet.apps[name]?.standIn)
  const family = cpuFamily(fleet)
  if (app === undefined || family === undefined) return fleet.services
  const services = Object.entries(fleet.services).map(([name, service]): [string, Service] => {
    const stoodInFor = whyNot(fleet, service) ?? needless(fleet, service, { app, family })
    return [name, stoodInFor === undefined ? service : { ...service, app, family, stoodInFor }]
  })
  return Object.fromEntries(services)
}

function whyNot(fleet: Fleet, { gpus, family }: Service): string | undefined {
  if (gpus > 0) return `it takes ${gpus === 1 ? "a GPU" : `${gpus} GPUs`}`
  if (!owned(fleet.families, family)) return undefined
  if (usesGpu(fleet, family)) return `${family} is for GPUs`
  return isBuildable(fleet, family) ? undefined : `${family} has no Dockerfile yet`
}

/** A stand-in runs on any family: one that stands on other images than the demo's own would be built for it alone. */
function needless(fleet: Fleet, service: Service, at: { app: string; family: string }): string | undefined {
  const root = (family: string) => lineage(fleet, family)[0]!.name
  if ((service.app ?? at.app) !== at.app || !owned(fleet.families, service.family)) return undefined
  return root(service.family) === root(at.family) ? undefined : `a stand-in needs nothing of ${service.family}`
}

/** The one that most services run on; among equals the first in fleet.yaml. */
function cpuFamily(fleet: Fleet): string | undefined {
  const used = (name: string) => Object.values(fleet.services).filter(({ family }) => family === name).length
  const able = Object.keys(fleet.families).filter((name) => isBuildable(fleet, name) && !usesGpu(fleet, name))
  return able.map((name) => ({ name, services: used(name) })).sort((a, b) => b.services - a.services)[0]?.name
}

const isBuildable = (fleet: Fleet, family: string): boolean =>
  lineage(fleet, family).every(({ dockerfile }) => dockerfile !== undefined)
