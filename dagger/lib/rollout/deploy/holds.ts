import type { Hold } from "../host/job.ts"
import type { Claim, HostRunner } from "../host/runner.ts"

const beatSeconds = 15

/** The locks of all hosts that a run works on: all or none, and heard of as long as they are held. */
export class Holds {
  private readonly timer: NodeJS.Timeout

  private constructor(
    private readonly runner: HostRunner,
    private readonly holds: ReadonlyMap<string, Hold>,
  ) {
    // While a signature is checked or a person reads, nothing else speaks to the hosts. A lock that was lost shows at the
    // next command: every one of them shows its token.
    this.timer = setInterval(() => {
      for (const hold of this.all()) this.runner.beat(hold).catch(() => {})
    }, beatSeconds * 1000).unref()
  }

  /** One after the other and always in the same order, so that two runs never hold what the other one waits for. */
  static async take(runner: HostRunner, hosts: readonly string[], claim: Claim): Promise<Holds> {
    const taken = new Map<string, Hold>()
    try {
      for (const host of [...hosts].sort()) taken.set(host, await runner.lock(host, claim))
    } catch (error) {
      await Promise.allSettled([...taken.values()].map((hold) => runner.unlock(hold)))
      throw error
    }
    return new Holds(runner, taken)
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
