import { isIP } from "node:net"
import type { Fleet } from "../fleet/fleet.ts"

/** Where services of a host find the observability receiver. */
export interface Observer {
  /** The name in policy.image.ingestUrl; absent where it is an address or a name that DNS knows. */
  name?: string
  /** The host of the fleet that the receiver runs on. */
  host: string
  /**
   * What the name stands for: an IP address, or "host-gateway" for this very machine. Docker takes no names there, and
   * a container does not see its host's /etc/hosts.
   */
  address: string
  /** The receiver is on another host and fleet.yaml gives that one a name: nobody here knows its address. */
  unknown: boolean
}

/** Undefined for a fleet without hosts. */
export function observerFor(fleet: Fleet, host: string): Observer | undefined {
  const hosts = Object.entries(fleet.hosts)
  const [there, { address }] = hosts.find(([, { observability }]) => observability) ?? hosts[0] ?? [undefined, {}]
  if (there === undefined || address === undefined) return undefined
  const { hostname } = new URL(fleet.policy.image.ingestUrl)
  const name = hostname.includes(".") || hostname === "localhost" ? undefined : hostname
  if (there === host) return { name, host: there, address: "host-gateway", unknown: false }
  const known = isIP(address) !== 0
  return { name, host: there, address: known ? address : "host-gateway", unknown: !known }
}

/** The service whose published port the receiver would need on its host, if there is one. */
export function portTaken(fleet: Fleet, host: string): { service: string; port: number; health: boolean } | undefined {
  const { protocol, port: given } = new URL(fleet.policy.image.ingestUrl)
  const port = Number(given || (protocol === "https:" ? 443 : 80))
  for (const [service, { hosts, port: own, healthPort }] of Object.entries(fleet.services)) {
    if (hosts.includes(host) && (own === port || healthPort === port)) return { service, port, health: own !== port }
  }
  return undefined
}
