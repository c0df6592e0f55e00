import type { RolloutPlan } from "../plan/plan.ts"
import { runJob } from "./jobs.ts"
import type { RolloutOptions } from "./options.ts"
import type { Outcome } from "./outcome.ts"
import type { Waved } from "./waves.ts"

/**
 * Takes back what the policy says, on every host that can be reached, and waits until what was taken back is healthy.
 * Answers whether all of it is.
 */
export async function takeBack(
  on: RolloutOptions,
  plan: RolloutPlan,
  outcome: Outcome,
  { failed, stuck }: Waved,
): Promise<boolean> {
  const hosts = plan.hosts.filter(({ services }) => services.some(({ action }) => action !== "unchanged"))
  const tasks = hosts.map(({ host, services }) => ({ host, services: goingBack(on, services, failed) }))
  on.onEvent?.({ kind: "began", what: "back", hosts: tasks.map(({ host }) => host) })
  const ends = await Promise.all(
    tasks.map(async ({ host, services }) => {
      // What a lost host does meanwhile nobody hears: only what is known to be as the policy wants it counts.
      const isBack = () =>
        outcome.touched(host).every(({ svc, state }) => services && !services.includes(svc) && state === "healthy")
      if (services?.length === 0) return !outcome.isLost(host) || isBack()
      // A runner that was killed leaves a switch half done: that is made good first.
      const settled = await runJob(on, outcome, host, { job: "settle" })
      if (settled === undefined) return isBack()
      const end = await runJob(on, outcome, host, { job: "back", ...(services ? { services } : {}) })
      return end === undefined ? isBack() : end.exitCode === 0
    }),
  )
  const good = ends.every(Boolean) && (!stuck || on.policy === "fleet")
  on.onEvent?.({ kind: "ended", what: "back", good })
  return good
}

/** Which services go back; undefined for all that nobody called good, also those of a run before that was cut off. */
function goingBack(
  { policy }: RolloutOptions,
  services: readonly { svc: string; wave: string; action: string }[],
  failed: string | undefined,
): string[] | undefined {
  if (policy === "fleet") return undefined
  // With "service" the host has taken back by itself whatever failed.
  if (policy === "service") return []
  return services.filter(({ wave, action }) => wave === failed && action !== "unchanged").map(({ svc }) => svc)
}
