import type { Bundle, History, Hold, Job, JobEnd, Prunable, Pruned } from "./job.ts"
import type { JournalLine } from "./journal.ts"
import type { HostLook, Pin, Snapshot } from "./look.ts"
import type { HostShell } from "./shell.ts"

export interface RunnerOptions {
  /** For how long a host that cannot be reached is asked again. Default: 60. */
  patienceSeconds?: number
}

/** Who wants the lock, and what for. */
export interface Claim {
  run: string
  /** "anna@laptop". */
  owner: string
  /** "deploy", "rollback", "prune", "pin". */
  verb: string
}

/** What is new in a run's journal. */
export interface Waited {
  lines: JournalLine[]
  job: "running" | "none" | "died" | { exitCode: number }
}

/** The hosts' own runners (host.sh), spoken to: sends it where it is missing, reads what it answers. */
export class HostRunner {
  constructor(
    readonly shell: HostShell,
    readonly fleet: string,
    readonly options: RunnerOptions = {},
  ) {}

  /** Changes nothing, wants no lock. */
  look(host: string): Promise<HostLook> {
    throw new Error(`todo ${host}`)
  }

  /** Throws a `LockHeld` (exit code 3) that says who holds it, since when, and for what. */
  lock(host: string, claim: Claim): Promise<Hold> {
    throw new Error(`todo ${host}${claim}`)
  }

  /** To be called at least every 20 s while nothing else is asked of a host: after 60 s of silence others may take over. */
  beat(hold: Hold): Promise<void> {
    throw new Error(`todo ${hold}`)
  }

  unlock(hold: Hold): Promise<void> {
    throw new Error(`todo ${hold}`)
  }

  put(hold: Hold, bundle: Bundle): Promise<void> {
    throw new Error(`todo ${hold}${bundle}`)
  }

  /** `from`: the number of the job's first line. The same `id` is never begun twice. */
  start(hold: Hold, job: Job, id: string): Promise<{ from: number }> {
    throw new Error(`todo ${hold}${job}${id}`)
  }

  /** Journal lines from `from` on, as soon as there are any, or the job ended. */
  wait(hold: Hold, from: number, seconds: number): Promise<Waited> {
    throw new Error(`todo ${hold}${from}${seconds}`)
  }

  /** Starts a job and waits for its end, over cut connections; `onLine` is told each line once. */
  runJob(hold: Hold, job: Job, onLine: (line: JournalLine) => void = () => {}): Promise<JobEnd> {
    throw new Error(`todo ${hold}${job}${onLine}`)
  }

  /** Calls everything that is current good, and keeps that as a snapshot. */
  commit(hold: Hold, tag: string): Promise<void> {
    throw new Error(`todo ${hold}${tag}`)
  }

  /** One line of JSON (at most 64 KB) for the history. */
  record(hold: Hold, record: unknown): Promise<void> {
    throw new Error(`todo ${hold}${record}`)
  }

  history(host: string): Promise<History> {
    throw new Error(`todo ${host}`)
  }

  /** undefined where there is none. */
  snapshot(host: string, seq: number): Promise<Snapshot | undefined> {
    throw new Error(`todo ${host}${seq}`)
  }

  /** The compose service as it was written down; undefined where there is none. */
  definition(host: string, svc: string, hash: string): Promise<Record<string, unknown> | undefined> {
    throw new Error(`todo ${host}${svc}${hash}`)
  }

  pin(hold: Hold, pin: Pin): Promise<void> {
    throw new Error(`todo ${hold}${pin}`)
  }

  unpin(hold: Hold): Promise<void> {
    throw new Error(`todo ${hold}`)
  }

  prune(hold: Hold, what: readonly Prunable[]): Promise<Pruned[]> {
    throw new Error(`todo ${hold}${what}`)
  }

  /** The last lines of a container's log. Default: 200. */
  logs(host: string, container: string, lines = 200): Promise<string> {
    throw new Error(`todo ${host}${container}${lines}`)
  }
}

export { Fenced, LockHeld } from "./refused.ts"
