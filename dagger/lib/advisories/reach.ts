import type { CallerPort } from "../engine/engine.ts"

/** An address as a step has to write it, and what the step has to name so that it gets there. */
export interface Reach {
  /** The URL or registry reference, with the host that the step knows. */
  address: string
  host: string
  port: number
  /** Plain HTTP: only ever on the loopback. */
  plain: boolean
  /** For the step's `services`; it says `outside: true` besides. */
  services: Record<string, CallerPort>
}

/**
 * How a step reaches a URL: what is on the loopback of whoever runs Fairlead is another machine's, seen from a container.
 * A step that asks `url` takes `{ services, outside: true }` and asks `address` instead:
 *
 *     const { address, services } = reachOf(python.url)
 *     engine.run({ …, argv: ["pip-audit", "--osv-url", address, …], services, outside: true, look: "again" })
 */
export function reachOf(url: string): Reach {
  const found = new URL(url)
  const plain = found.protocol === "http:"
  const port = Number(found.port || (plain ? 80 : 443))
  if (!isLoopbackHost(found.hostname)) return { address: url, host: found.hostname, port, plain, services: {} }
  const address = `${found.protocol}//${service}:${port}${found.pathname}`
  return { address, host: service, port, plain, services: { [service]: { callerPort: port } } }
}

/** The same for a registry reference, "host[:port]/path:tag". The embedded registry is known by its own name. */
export function reachOfReference(reference: string): Reach {
  const [authority, ...path] = reference.split("/") as [string, ...string[]]
  const [host, port] = authority.split(":") as [string, string?]
  if (!isLoopbackHost(host)) {
    return { address: reference, host, port: Number(port ?? 443), plain: false, services: {} }
  }
  const callerPort = Number(port ?? 80)
  return {
    address: [`registry:${callerPort}`, ...path].join("/"),
    host: "registry",
    port: callerPort,
    plain: true,
    services: { registry: { callerPort } },
  }
}

const service = "advisories"

const isLoopbackHost = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3})$/.test(host)
