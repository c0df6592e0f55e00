import type { DemoYard } from "../../dagger/lib/fleet/demo.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { hostNamed } from "../../dagger/lib/fleet/named.ts"
import { shown } from "../../dagger/lib/fleet/shown.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { type ChosenHosts, hostsOf } from "../../dagger/lib/rollout/ssh/target.ts"
import { demoYard, yardFile } from "../demo/yard.ts"

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
  // A host that nobody knows is told before a yard that is not up.
  for (const name of hosts ?? []) hostNamed(own, name)
  const named = yard ?? process.env.FAIRLEAD_YARD
  const keyless = Object.values(own.hosts).every(({ hostKey }) => hostKey === undefined)
  const demo = !named && keyless ? await demoYard() : await demoOf(yard)
  return hostsOf(own, { hosts, ...(demo && { up: { demo, writtenIn: yardFile() } }) })
}

/** Which yard is meant, for verbs that ask no host: "fleet.yaml", or the name of the demo yard, which must be up. */
export async function yardNamed(flag: string | undefined): Promise<string> {
  return (await demoOf(flag))?.name ?? "fleet.yaml"
}

const demoOf = (flag: string | undefined): Promise<DemoYard | undefined> =>
  demoIf(flag ?? process.env.FAIRLEAD_YARD, flag === undefined ? "FAIRLEAD_YARD" : "--yard")

async function demoIf(yard: string | undefined, where: string): Promise<DemoYard | undefined> {
  if (!yard || yard === "fleet") return undefined
  if (yard !== "demo") throw wrongInput(`there is no yard ${shown(yard)}`, { where, fix: "use demo or fleet" })
  const up = await demoYard()
  if (up) return up
  throw new Problem("no demo yard is up", { where: `${where} demo`, fix: "fairlead demo up" })
}
