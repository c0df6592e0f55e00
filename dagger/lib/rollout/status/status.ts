import { harmless } from "../../engine/engine.ts"
import type { Fleet } from "../../fleet/fleet.ts"
import { Problem } from "../../problem.ts"
import type { HostLock, HostLook, Pin, SnapshotSummary } from "../host/look.ts"
import { containerName } from "../host/names.ts"
import { HostUnreachable } from "../host/shell.ts"
import { isPast } from "../pin/pin.ts"
import { isWell, type ServiceStatus, servicesOn } from "./service.ts"

/** How a host stands. */
export interface HostStatus {
  host: string
  reachable: boolean
  /** Why it could not be asked; then nothing else is known. */
  problem?: { reason: string; message: string }
  docker?: string
  freeBytes?: number
  /** What was deployed last; absent where nothing was. */
  deployed?: SnapshotSummary
  services: ServiceStatus[]
  pin: (Pin & { expired: boolean }) | null
  lock?: HostLock
  /** Runs that were begun and not finished, and that nobody works on. */
  unfinished: string[]
  /** Containers that failed and were kept for a look, by name. */
  kept: string[]
}

/** A host that cannot be asked is an answer, too, and hides no other. */
export async function hostStatus(
  host: string,
  look: () => Promise<HostLook>,
  on: { fleet: Fleet; today: string },
): Promise<{ status: HostStatus; look?: HostLook }> {
  try {
    const seen = await look()
    return { status: statusOf(seen, on), look: seen }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const reason = error instanceof HostUnreachable ? error.reason : "unreadable"
    const problem = { reason, message: error.message }
    return { status: { host, reachable: false, problem, services: [], pin: null, unfinished: [], kept: [] } }
  }
}

/** What was seen, against what was deployed. */
export function statusOf(look: HostLook, { fleet, today }: { fleet: Fleet; today: string }): HostStatus {
  const { host, docker, freeBytes, pin, lock, snapshots } = look
  // Who holds the lock and was heard of works on its run: that one is not left behind.
  const busy = lock && (!lock.stale || lock.working) ? lock.run : undefined
  return {
    ...{ host, reachable: true, docker, freeBytes },
    ...(snapshots[0] && { deployed: snapshots[0] }),
    services: servicesOn(fleet, look),
    pin: pin ? { ...pin, reason: oneLine(pin.reason), by: oneLine(pin.by), expired: isPast(pin, today) } : null,
    ...(lock && { lock }),
    unfinished: look.open.filter((run) => run !== busy),
    kept: look.containers.map(({ name }) => name).filter((name) => containerName(name)?.role === "kept"),
  }
}

/** Whoever may write the host's pin may write anything there, behind JSON's escapes. */
const oneLine = (text: string): string => harmless(text).replace(/\s+/gu, " ").trim()

/** 3 where a host could not be asked; 1 with drift, ill services or an unfinished run; else 0. */
export function exitCodeOf(hosts: readonly HostStatus[]): 0 | 1 | 3 {
  if (hosts.some(({ reachable }) => !reachable)) return 3
  const well = hosts.every(({ services, unfinished }) => services.every(isWell) && unfinished.length === 0)
  return well ? 0 : 1
}
