import { Problem } from "../../problem.ts"
import { currentOf, type HostLook, isGood } from "../host/look.ts"
import type { HostRunner } from "../host/runner.ts"
import type { Holds } from "./holds.ts"
import type { RolloutEvent } from "./options.ts"

/**
 * Something on the host is neither as before nor as wanted: a run that never ended, a service that is down although it
 * was called good, a container that was left over.
 */
export function wantsSettling(look: HostLook): boolean {
  if (look.open.length > 0) return true
  const services = new Set(look.containers.map(({ name }) => name.split(/[.-]/, 1)[0]!))
  return [...services].some((svc) => {
    const current = currentOf(look, svc)
    if (!current) return look.containers.some(({ name }) => name === `${svc}.prev`)
    return current.state !== "running" || !isGood(look, svc, current)
  })
}

/** Lets hosts make good what a run before left. A service that cannot be brought up again is the plan's to replace. */
export async function settle(
  { runner, holds, onEvent }: { runner: HostRunner; holds: Holds; onEvent?: (event: RolloutEvent) => void },
  hosts: readonly string[],
): Promise<void> {
  onEvent?.({ kind: "began", what: "settle", hosts: [...hosts] })
  const ends = await Promise.all(
    hosts.map(async (host) => {
      const end = await runner.runJob(holds.of(host), { job: "settle" }, (line) =>
        onEvent?.({ kind: "line", host, line }),
      )
      if (end.died)
        throw new Problem("its runner was killed while it made good what a run before had left", {
          where: host,
          fix: "run the same command again",
        })
      return end.exitCode === 0
    }),
  )
  onEvent?.({ kind: "ended", what: "settle", good: ends.every(Boolean) })
}
