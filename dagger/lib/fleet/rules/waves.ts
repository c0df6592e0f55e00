import type { Wave } from "../policy.ts"
import { shown } from "../shown.ts"
import { didYouMean } from "./hierarchy.ts"
import type { Complaint, Draft } from "./rule.ts"

/** Waves name what exists, and the last one takes whatever is left. */
export function* wavesTakeAll({ services, hosts, policy }: Draft): Iterable<Complaint> {
  const waves = policy?.rollout.waves
  if (!waves) return
  const names = new Set<string>()
  for (const [index, wave] of waves.entries()) {
    const path = ["policy", "rollout", "waves", index]
    if (names.has(wave.name))
      yield { path: [...path, "name"], what: `${wave.name} is the name of another wave too; rename one` }
    names.add(wave.name)
    if (wave.host !== undefined && !hosts.names.has(wave.host)) {
      yield {
        path: [...path, "host"],
        what: `there is no host ${shown(wave.host)}${didYouMean(wave.host, hosts.names)}`,
      }
    }
    for (const [at, service] of (wave.services ?? []).entries()) {
      if (services.names.has(service)) continue
      const what = `there is no service ${shown(service)}${didYouMean(service, services.names)}`
      yield { path: [...path, "services", at], what }
    }
  }
  const last = waves.at(-1)
  if (last && !takesAll(last)) {
    const what = "is the last wave and must take the rest: leave out services, host and gpu, or add such a wave"
    yield { path: ["policy", "rollout", "waves", waves.length - 1], what }
  }
  for (const [name, { wave }] of services) {
    if (wave !== undefined && !names.has(wave)) {
      yield { path: ["services", name, "wave"], what: `there is no wave ${shown(wave)}${didYouMean(wave, names)}` }
    }
  }
}

const takesAll = ({ services, host, gpu }: Wave): boolean => !services && host === undefined && gpu === undefined
