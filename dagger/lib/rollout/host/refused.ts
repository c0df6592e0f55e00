import { Problem } from "../../problem.ts"

/** Somebody else holds a host's lock: nothing was changed. */
export class LockHeld extends Problem {
  constructor(
    readonly host: string,
    readonly holder: LockHolder,
  ) {
    const { run, owner, verb, heldSeconds, ageSeconds, working } = holder
    const since = heldSeconds === undefined ? "" : ` for ${minutes(heldSeconds)}`
    super(`${owner} holds the lock${since}: ${verb}, run ${run}`, {
      where: host,
      why: working
        ? `${host} still works on it by itself`
        : `last heard of ${minutes(ageSeconds)} ago; after a minute of silence the next run may take over`,
      fix: `wait until ${owner} is done, or ask; \`fairlead status --host ${host}\` shows what goes on`,
      exitCode: 3,
    })
    this.name = "LockHeld"
  }
}

/** As the host wrote it down. */
export interface LockHolder {
  run: string
  owner: string
  verb: string
  heldSeconds?: number
  ageSeconds: number
  stale: boolean
  working: boolean
}

/** This run was silent for too long, and another one took over: it must not change anything any more. */
export class Fenced extends Problem {
  constructor(
    readonly host: string,
    run: string,
    readonly holder?: LockHolder,
  ) {
    super("another run took over", {
      where: host,
      why: holder
        ? `${holder.owner} has the lock now: ${holder.verb}, run ${holder.run}`
        : `run ${run} does not hold the lock any more`,
      fix: `nothing more was done there for run ${run}; \`fairlead status --host ${host}\` shows what is there now`,
      exitCode: 3,
    })
    this.name = "Fenced"
  }
}

const minutes = (seconds: number): string => (seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`)
