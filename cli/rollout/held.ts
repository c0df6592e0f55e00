import { Problem } from "../../dagger/lib/problem.ts"
import { Holds } from "../../dagger/lib/rollout/deploy/holds.ts"
import { entryOf, type NewEntry } from "../../dagger/lib/rollout/history/entry.ts"
import type { Hold } from "../../dagger/lib/rollout/host/job.ts"
import type { HostRunner } from "../../dagger/lib/rollout/host/runner.ts"
import { newRun } from "../../dagger/lib/rollout/open.ts"
import { carriesOut, isGone } from "./gone.ts"
import { owner } from "./open.ts"

/** A change on hosts that is no rollout. */
export interface Change {
  verb: "pin" | "unpin" | "prune"
  tag?: string
  reason?: string
}

/**
 * Locks all hosts or none, writes down what begins, does `work` on each, and writes down how it ended. A host that is lost
 * on the way hides none of the others: what happened there is told after all are done. Answers the run's name.
 */
export async function changingHosts(
  runner: HostRunner,
  hosts: readonly string[],
  change: Change,
  work: (hold: Hold) => Promise<{ notes?: string[] }>,
): Promise<string> {
  const run = newRun()
  const by = owner()
  await carriesOut(run)
  const holds = await Holds.take(runner, hosts, { run, owner: by, verb: change.verb }, { isGone })
  try {
    const ended = await Promise.allSettled(holds.all().map((each) => onHost(runner, each, { ...change, by }, work)))
    const failed = ended.flatMap((each) => (each.status === "rejected" ? [each.reason] : []))
    if (failed.length > 0) throw failed.length === 1 ? failed[0] : told(failed)
    return run
  } finally {
    await holds.release()
  }
}

async function onHost(
  runner: HostRunner,
  hold: Hold,
  { verb, tag = "", reason, by }: Change & { by: string },
  work: (hold: Hold) => Promise<{ notes?: string[] }>,
): Promise<void> {
  const entry = (more: Pick<NewEntry, "phase" | "verdict" | "notes">): unknown =>
    entryOf({
      ...{ schema: 1, run: hold.run, verb, by, at: new Date().toISOString(), tag, ...more },
      ...(reason !== undefined && { reason }),
    })
  await runner.record(hold, entry({ phase: "began" }))
  try {
    const { notes = [] } = await work(hold)
    await runner.record(hold, entry({ phase: "ended", verdict: "PASS", notes }))
  } catch (error) {
    // Where the host itself is lost, it cannot be told either: the run stays without an end.
    const notes = [error instanceof Problem ? error.what : "it failed in a way it should not"]
    await runner.record(hold, entry({ phase: "ended", verdict: "ERROR", notes })).catch(() => undefined)
    throw error
  }
}

/** Several at once, each a Problem of its own host; anything else is a defect and goes through as it is. */
function told(errors: readonly unknown[]): unknown {
  const defect = errors.find((each) => !(each instanceof Problem))
  return defect ?? new Problem((errors as Problem[]).map(({ message }) => message).join("\n"), { exitCode: 3 })
}
