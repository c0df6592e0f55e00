import { isSwitched } from "../plan/bundle.ts"
import { changesByWave, type RolloutPlan } from "../plan/plan.ts"
import { runJob } from "./jobs.ts"
import type { RolloutOptions } from "./options.ts"
import type { Outcome } from "./outcome.ts"

/** How the waves ended. */
export interface Waved {
  /** The wave in which something failed first. */
  failed?: string
  /** A host could not take a service back by itself. */
  stuck: boolean
}

/**
 * Switches wave after wave, each on all its hosts at once. The next one begins when all of one are healthy. A host takes
 * a service that fails back by itself; with the policy "service" everything else goes on.
 */
export async function rollWaves(on: RolloutOptions, plan: RolloutPlan, outcome: Outcome): Promise<Waved> {
  const waved: Waved = { stuck: false }
  for (const { wave, services } of changesByWave(plan)) {
    if (on.signal?.aborted) return { ...waved, failed: waved.failed ?? wave }
    const hosts = [...new Set(services.filter(isSwitched).map(({ host }) => host))]
    if (hosts.length === 0) continue
    on.onEvent?.({ kind: "began", what: "wave", wave, hosts })
    const keepGoing = on.policy === "service"
    const ends = await Promise.all(
      hosts.map(async (host) => {
        outcome.begins(host, wave)
        const end = await runJob(on, outcome, host, { job: "wave", wave, parallel: on.parallel, keepGoing })
        if (end && end.exitCode !== 0 && end.exitCode !== 4 && end.exitCode !== 5) saysWhy(outcome, host, end.died)
        return end?.exitCode
      }),
    )
    const good = ends.every((exitCode) => exitCode === 0)
    on.onEvent?.({ kind: "ended", what: "wave", wave, good })
    if (good) continue
    waved.failed ??= wave
    waved.stuck ||= ends.includes(5)
    if (!keepGoing || ends.some((exitCode) => exitCode === undefined || exitCode === 3)) return waved
  }
  return waved
}

function saysWhy(outcome: Outcome, host: string, died: boolean): void {
  const reason = died ? "its own runner was killed" : "its own runner gave up: see what it says above"
  outcome.failures.push({ host, reason, lines: [] })
}
