import type { Job, JobEnd } from "../host/job.ts"
import { HostUnreachable } from "../host/shell.ts"
import type { RolloutOptions } from "./options.ts"
import type { Outcome } from "./outcome.ts"

/** A host's job to its end; undefined where the host cannot be reached any more, which the outcome then knows. */
export async function runJob(
  on: RolloutOptions,
  outcome: Outcome,
  host: string,
  job: Job,
): Promise<JobEnd | undefined> {
  try {
    const end = await on.runner.runJob(on.holds.of(host), job, (line) => {
      outcome.heard(host, line)
      on.onEvent?.({ kind: "line", host, line })
    })
    outcome.finds(host)
    return end
  } catch (error) {
    if (!(error instanceof HostUnreachable)) throw error
    if (!outcome.isLost(host)) on.onEvent?.({ kind: "lost", host, why: error.what })
    outcome.loses(host, error)
    return undefined
  }
}
