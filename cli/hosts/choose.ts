import { type DemoYard, hostOf, onDemo } from "../../dagger/lib/fleet/demo.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { hostNamed } from "../../dagger/lib/fleet/named.ts"
import { type SshTarget, sshTarget } from "../../dagger/lib/fleet/reach.ts"
import { shown } from "../../dagger/lib/fleet/shown.ts"
import { Problem, Problems, wrongInput } from "../../dagger/lib/problem.ts"
import { demoYard, yardFile } from "../demo/yard.ts"

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

export interface HostChoice {
  /** Only these. Default: every host. */
  hosts?: readonly string[]
  /**
   * --yard, then FAIRLEAD_YARD. Default: the hosts of fleet.yaml; as long as it has no key of any of them, nothing could
   * be done there, and a demo that is up serves in their place.
   */
  yard?: string
}

/** The hosts of fleet.yaml, or with the yard "demo" those of the demo in their place. */
export async function chooseHosts(own: Fleet, { hosts, yard }: HostChoice): Promise<ChosenHosts> {
  const names = (hosts ?? Object.keys(own.hosts)).map((name) => hostNamed(own, name).name)
  const named = yard ?? process.env.FAIRLEAD_YARD
  const keyless = Object.values(own.hosts).every(({ hostKey }) => hostKey === undefined)
  const demo = !named && keyless ? await demoYard() : await demoOf(yard)
  const fleet = demo ? onDemo(own, demo) : own
  const found = [...new Set(names)].map((name) => targetOf(fleet, name, demo))
  const problems = found.flatMap(({ problem }) => (problem ? [problem] : []))
  if (problems.length > 0) throw new Problems(problems)
  return { yard: demo?.name ?? "fleet.yaml", fleet, targets: found.flatMap(({ target }) => (target ? [target] : [])) }
}

/** Which yard is meant, for verbs that ask no host: "fleet.yaml", or the name of the demo yard, which must be up. */
export async function yardNamed(flag: string | undefined): Promise<string> {
  return (await demoOf(flag))?.name ?? "fleet.yaml"
}

const demoOf = (flag: string | undefined): Promise<DemoYard | undefined> =>
  demoIf(flag ?? process.env.FAIRLEAD_YARD, flag === undefined ? "FAIRLEAD_YARD" : "--yard")

/** Every host without a recorded key is told at once, not one at each try. */
function targetOf(fleet: Fleet, name: string, demo?: DemoYard): { target?: Target; problem?: Problem } {
  try {
    const own = demo && { identityFile: hostOf(demo, name).identityFile }
    return { target: { ...sshTarget(fleet, name), ...own, writtenIn: demo ? yardFile() : "fleet.yaml" } }
  } catch (error) {
    if (error instanceof Problem) return { problem: error }
    throw error
  }
}

async function demoIf(yard: string | undefined, where: string): Promise<DemoYard | undefined> {
  if (!yard || yard === "fleet") return undefined
  if (yard !== "demo") throw wrongInput(`there is no yard ${shown(yard)}`, { where, fix: "use demo or fleet" })
  const up = await demoYard()
  if (up) return up
  throw new Problem("no demo yard is up", { where: `${where} demo`, fix: "fairlead demo up" })
}
