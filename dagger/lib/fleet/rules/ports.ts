import type { Complaint, Draft } from "./rule.ts"

interface Use {
  service: string
  key: "port" | "healthPort"
}

/**
 * Services on one host do not share ports. Told once for each port, at the service that stands first in the file; a
 * service may answer on one port for both.
 */
export function* portsDiffer({ services, hosts }: Draft): Iterable<Complaint> {
  const uses = new Map<string, Use[]>()
  for (const [service, { port, healthPort, hosts: on }] of services) {
    for (const host of new Set(on)) {
      const ssh = hosts.get(host)?.port
      for (const [key, value] of Object.entries({ port, healthPort }) as [Use["key"], number][]) {
        const place = `${value} on ${host}`
        const users = uses.get(place)
        if (!users) uses.set(place, [{ service, key }])
        else if (users.at(-1)?.service !== service) users.push({ service, key })
        if (value === ssh) {
          yield {
            path: ["services", service, key],
            what: `${value} is where SSH listens on ${host}; take another port`,
          }
        }
      }
    }
  }
  for (const [place, [first, ...others]] of uses) {
    if (!first || others.length === 0) continue
    const [port, , host] = place.split(" ")
    const also = others.slice(0, 5).map(({ service, key }) => `services.${service}.${key}`)
    if (others.length > 5) also.push(`${others.length - 5} more`)
    const what = `${port} is also used by ${also.join(" and ")} on ${host}; give one of them another port`
    yield { path: ["services", first.service, first.key], what }
  }
}
