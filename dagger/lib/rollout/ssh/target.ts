import { type DemoYard, hostOf, onDemo } from "../../fleet/demo.ts"
import type { Fleet } from "../../fleet/fleet.ts"
import { hostNamed } from "../../fleet/named.ts"
import { type SshTarget, sshTarget } from "../../fleet/reach.ts"
import { Problem, Problems } from "../../problem.ts"

/** A host, and the key to log in with where it is not one of the user's own. */
export interface Target extends SshTarget {
  identityFile?: string
  /** The file that says which key the host must show. */
  writtenIn: string
}

/** Whose hosts a verb asks. */
export interface ChosenHosts {
  /** "fleet.yaml", or the name of the demo yard: said in every answer, so that nobody takes one for the other. */
  yard: string
  /** The fleet as reached there. */
  fleet: Fleet
  targets: Target[]
}

/** A demo that is up, and the file that says so. */
export interface DemoUp {
  demo: DemoYard
  writtenIn: string
}

/** The hosts of fleet.yaml, or those of a demo in their place. `hosts`: only these. Throws for all that are not recorded at once. */
export function hostsOf(own: Fleet, { hosts, up }: { hosts?: readonly string[]; up?: DemoUp }): ChosenHosts {
  const names = (hosts ?? Object.keys(own.hosts)).map((name) => hostNamed(own, name).name)
  const fleet = up ? onDemo(own, up.demo) : own
  const found = [...new Set(names)].map((name) => targetOf(fleet, name, up))
  const problems = found.flatMap(({ problem }) => (problem ? [problem] : []))
  if (problems.length > 0) throw new Problems(problems)
  return {
    yard: up?.demo.name ?? "fleet.yaml",
    fleet,
    targets: found.flatMap(({ target }) => (target ? [target] : [])),
  }
}

/** Every host without a recorded key is told at once, not one at each try. */
function targetOf(fleet: Fleet, name: string, up?: DemoUp): { target?: Target; problem?: Problem } {
  try {
    const own = up && { identityFile: hostOf(up.demo, name).identityFile }
    return { target: { ...sshTarget(fleet, name), ...own, writtenIn: up?.writtenIn ?? "fleet.yaml" } }
  } catch (error) {
    if (error instanceof Problem) return { problem: error }
    throw error
  }
}

/** By host: "127.0.0.1:22001". */
export const addressesOf = (targets: readonly Target[]): Record<string, string> =>
  Object.fromEntries(targets.map(({ host, address, port }) => [host, `${address}:${port}`]))
