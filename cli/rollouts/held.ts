import { randomBytes } from "node:crypto"
import { Problem } from "../../dagger/lib/problem.ts"
import { entryOf, type NewEntry } from "../../dagger/lib/rollout/history/entry.ts"
import type { Hold } from "../../dagger/lib/rollout/host/job.ts"
import type { HostRunner } from "../../dagger/lib/rollout/host/runner.ts"
import { carriesOut } from "../rollout/gone.ts"
import { owner } from "./hosts.ts"

/** A change on hosts that is no rollout: every lock is held before the first host is changed. */
export interface Held {
  run: string
  by: string
  holds: Hold[]
}

export interface Change {
  verb: "pin" | "unpin" | "prune"
  tag?: string
  reason?: string
}

// After a minute of silence the next run may take a lock over.
const beatSeconds = 15

/**
 * Locks all hosts or none, writes down what begins, does `work` on each, and writes down how it ended. A host that is lost
 * on the way hides none of the others: what happened there is told after all are done.
 */
export async function changingHosts(
  runner: HostRunner,
  hosts: readonly string[],
  change: Change,
  work: (hold: Hold, by: string) => Promise<{ notes?: string[] }>,
): Promise<Held> {
  const held = await hold(runner, hosts, change.verb)
  const beating = setInterval(() => {
    for (const each of held.holds) runner.beat(each).catch(() => undefined)
  }, beatSeconds * 1000)
  try {
    const ended = await Promise.allSettled(
      held.holds.map((each) => onHost(runner, each, { ...change, by: held.by }, work)),
    )
    const failed = ended.flatMap((each) => (each.status === "rejected" ? [each.reason] : []))
    if (failed.length > 0) throw failed.length === 1 ? failed[0] : told(failed)
    return held
  } finally {
    clearInterval(beating)
    await Promise.all(held.holds.map((each) => runner.unlock(each).catch(() => undefined)))
  }
}

async function hold(runner: HostRunner, hosts: readonly string[], verb: Change["verb"]): Promise<Held> {
  const run = randomBytes(3).toString("hex")
  const by = owner()
  await carriesOut(run)
  const asked = await Promise.allSettled(hosts.map((host) => runner.lock(host, { run, owner: by, verb })))
  const holds = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []))
  const refused = asked.flatMap((each) => (each.status === "rejected" ? [each.reason] : []))
  if (refused.length === 0) return { run, by, holds }
  await Promise.all(holds.map((each) => runner.unlock(each).catch(() => undefined)))
  throw refused.length === 1 ? refused[0] : told(refused)
}

async function onHost(
  runner: HostRunner,
  hold: Hold,
  { verb, tag = "", reason, by }: Change & { by: string },
  work: (hold: Hold, by: string) => Promise<{ notes?: string[] }>,
): Promise<void> {
  const entry = (more: Pick<NewEntry, "phase" | "verdict" | "notes">): unknown =>
    entryOf({
      ...{ schema: 1, run: hold.run, verb, by, at: new Date().toISOString(), tag, ...more },
      ...(reason !== undefined && { reason }),
    })
  await runner.record(hold, entry({ phase: "began" }))
  try {
    const { notes = [] } = await work(hold, by)
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
