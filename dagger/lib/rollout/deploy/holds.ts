import { setTimeout as sleep } from "node:timers/promises"
import { Problem } from "../../problem.ts"
import type { Hold } from "../host/job.ts"
import { LockHeld, type LockHolder } from "../host/refused.ts"
import type { Claim, HostRunner } from "../host/runner.ts"

const beatSeconds = 15
/** A host that works on by itself for a run that is gone comes to an end: its jobs have deadlines. */
const patienceSeconds = 900

/** How locks are asked for. */
export interface Asking {
  /** Whether it is known that nobody carries a run of this owner out any more: it was started here, and its process is gone. */
  isGone?: (run: string) => Promise<boolean>
  /** Told once where a host's own work has to be waited for. */
  onWait?: (host: string, holder: LockHolder) => void
  signal?: AbortSignal
}

/** The locks of all hosts that a run works on: all or none, and heard of as long as they are held. */
export class Holds {
  private readonly timer: NodeJS.Timeout

  private constructor(
    private readonly runner: HostRunner,
    private readonly holds: Map<string, Hold>,
  ) {
    // While a signature is checked or a person reads, nothing else speaks to the hosts. A lock that was lost shows at the
    // next command: every one of them shows its token.
    this.timer = setInterval(() => {
      for (const hold of this.all()) this.runner.beat(hold).catch(() => {})
    }, beatSeconds * 1000).unref()
  }

  /** One after the other and always in the same order, so that two runs never hold what the other one waits for. */
  static async take(runner: HostRunner, hosts: readonly string[], claim: Claim, asking: Asking = {}): Promise<Holds> {
    const taken = new Holds(runner, new Map())
    try {
      for (const host of [...hosts].sort()) taken.holds.set(host, await locked(runner, host, claim, asking))
    } catch (error) {
      await taken.release()
      throw error
    }
    return taken
  }

  all = (): Hold[] => [...this.holds.values()]

  of(host: string): Hold {
    const hold = this.holds.get(host)
    if (!hold) throw new TypeError(`${host} was not locked`)
    return hold
  }

  /** A host that cannot be reached keeps its lock, which grows stale by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer)
    await Promise.allSettled(this.all().map((hold) => this.runner.unlock(hold)))
  }
}

/**
 * Who was killed is not waited for, and what its host still does by itself is: that comes to an end soon. Everybody else's
 * lock is refused at once, with who holds it.
 */
async function locked(
  runner: HostRunner,
  host: string,
  claim: Claim,
  { isGone, onWait, signal }: Asking,
): Promise<Hold> {
  const until = performance.now() + patienceSeconds * 1000
  let insteadOf: string | undefined
  for (let waited = false; ; ) {
    signal?.throwIfAborted()
    const held = await runner.lock(host, { ...claim, ...(insteadOf ? { insteadOf } : {}) }).catch((error) => {
      if (error instanceof LockHeld) return error
      throw error
    })
    if (!(held instanceof LockHeld)) return held
    const { holder } = held
    const gone = (await isGone?.(holder.run)) ?? false
    if (gone && !holder.working && insteadOf !== holder.run) {
      insteadOf = holder.run
      continue
    }
    if (!holder.working || (!gone && !holder.stale)) throw held
    if (performance.now() > until)
      throw new Problem(`it has worked on run ${holder.run} by itself for longer than any job should take`, {
        where: host,
        why: `${holder.owner} began it (${holder.verb}), and is gone`,
        fix: `look at ${host}: whether \`docker ps\` answers there, and what ~/.fairlead holds of runs/${holder.run}`,
      })
    if (!waited) onWait?.(host, holder)
    waited = true
    await sleep(1000)
  }
}
