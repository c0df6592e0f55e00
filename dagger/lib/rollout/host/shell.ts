import { Problem } from "../../problem.ts"

export interface OnHost {
  /** Handed to the command on its standard input. Default: nothing. */
  input?: string
  /** After this long the answer is not waited for any more. Default: 60. */
  timeoutSeconds?: number
}

/** What a command on a host answered: bounded, and without what could steer a terminal. */
export interface HostAnswer {
  /** The command's own; a host that cannot be asked is a `HostUnreachable` instead. */
  exitCode: number
  stdout: string
  stderr: string
  seconds: number
}

/** The hosts of a yard, spoken to. The CLI does it by this machine's OpenSSH; a Dagger step can do the same. */
export interface HostShell {
  /** Runs a command on a host to its end. How it ended is data; throws `HostUnreachable` where nobody knows. */
  run(host: string, argv: readonly [string, ...string[]], options?: OnHost): Promise<HostAnswer>
}

/** Why a host could not be asked. */
export type Unreachable = "key" | "permission" | "network" | "lost" | "slow"

/** The host was not asked, or its answer did not arrive: exit code 3. */
export class HostUnreachable extends Problem {
  constructor(
    readonly host: string,
    readonly reason: Unreachable,
    what: string,
    details: { why?: string; fix: string },
  ) {
    super(what, { where: host, ...details, exitCode: 3 })
    this.name = "HostUnreachable"
  }
}
