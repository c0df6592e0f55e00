import type { Fleet } from "./fleet.ts"
import type { Wave } from "./policy.ts"
import type { NamedService } from "./service.ts"

/** One service on one of its hosts: what rolls out, fails and goes back. */
export interface Instance {
  service: NamedService
  host: string
}

/** Instances that roll out together. */
export interface FilledWave {
  name: string
  instances: Instance[]
}

/** All waves in their order, each with its instances in the order of fleet.yaml; waves without any are left out. */
export function wavesOf(fleet: Fleet): FilledWave[] {
  const filled = new Map(fleet.policy.rollout.waves.map(({ name }) => [name, [] as Instance[]]))
  for (const [name, entry] of Object.entries(fleet.services)) {
    const service = { name, ...entry }
    for (const host of service.hosts) filled.get(waveOf(fleet, service, host))?.push({ service, host })
  }
  return [...filled].filter(([, instances]) => instances.length > 0).map(([name, instances]) => ({ name, instances }))
}

/** The wave in which a service rolls out on a host: the one it names, else the first that takes it. */
export function waveOf(fleet: Fleet, service: NamedService, host: string): string {
  const { waves } = fleet.policy.rollout
  const wave = service.wave ?? waves.find((each) => takes(each, service, host))?.name
  // parseFleet has seen to it that the last wave takes whatever is left.
  return wave ?? waves.at(-1)?.name ?? "rest"
}

const takes = (wave: Wave, service: NamedService, host: string): boolean =>
  (wave.services?.includes(service.name) ?? true) &&
  (wave.host ?? host) === host &&
  (wave.gpu ?? service.gpus > 0) === service.gpus > 0
