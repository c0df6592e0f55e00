import { Problem } from "../../problem.ts"
import { isLoopback } from "../../release/registry.ts"
import { preflightDocument, preflightText } from "../../report/preflight.ts"
import { line } from "../../report/text.ts"
import type { OpenRollout } from "../open.ts"
import type { RolloutPlan } from "../plan/plan.ts"
import { addressesOf } from "../ssh/target.ts"
import { exitCodeOf, preflight } from "./preflight.ts"
import { pullableFrom } from "./pullable.ts"
import { wantedOf } from "./wanted.ts"

/** Hosts that get new containers are looked at first: what fails there would fail in the middle. */
export async function requireReady(
  { chosen, registry, newest, shell, progress, verifying }: OpenRollout,
  plan: RolloutPlan,
): Promise<void> {
  const changing = plan.hosts.filter(({ services }) => services.some(({ action }) => action !== "unchanged"))
  if (changing.length === 0) return
  const records = await newest()
  const loopback = isLoopback(registry)
  const wanted = changing.map(({ host }) =>
    wantedOf(chosen.fleet, host, {
      records,
      registry: { host: registry.host, loopback, answers: loopback || undefined },
    }),
  )
  const hosts = await preflight(shell, wanted, { pullable: pullableFrom(verifying.registry) })
  if (exitCodeOf(hosts) === 0) {
    progress.say(line("preflight", `ok on ${changing.map(({ host }) => host).join(", ")}`))
    return
  }
  const document = preflightDocument({
    yard: chosen.yard,
    registry: `${registry.host}/${registry.org}`,
    hosts,
    addresses: addressesOf(chosen.targets),
  })
  progress.say(preflightText(document))
  throw new Problem("the hosts are not ready, and nothing was changed", {
    fix: "mend what failed above; `fairlead preflight` asks again",
    exitCode: exitCodeOf(hosts) === 3 ? 3 : 1,
  })
}
