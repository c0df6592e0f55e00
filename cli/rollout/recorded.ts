import type { RolloutReport } from "../../dagger/lib/rollout/deploy/report.ts"
import type { RolloutPlan } from "../../dagger/lib/rollout/plan/plan.ts"
import { rolledOutOf } from "../../dagger/lib/rollout/status/news.ts"
import { readHistories } from "./histories.ts"
import type { OpenHosts } from "./hosts.ts"
import { recordOperations } from "./operations.ts"

/** Keeps what a rollout showed, for `phases` and `explain`: who became healthy with what, who went back, who is held. */
export async function recordRollout(
  open: Pick<OpenHosts, "chosen" | "runner">,
  plan: RolloutPlan,
  { hosts, run, verdict }: RolloutReport,
): Promise<void> {
  const { fleet, yard } = open.chosen
  const at = new Date().toISOString()
  const planned = new Map(
    plan.hosts.flatMap(({ services }) => services.map((each) => [`${each.host} ${each.service}`, each])),
  )
  // Where something is left that is not as it should be, `status` says first what that is.
  const healthy = hosts.flatMap(({ host, services }) =>
    services
      .filter(({ state }) => state === "healthy" && verdict !== "ERROR")
      .flatMap(({ service }) => {
        const { image, tag } = planned.get(`${host} ${service}`)!.to
        return rolledOutOf(fleet, { host, service, image, tag, run }, at) ?? []
      }),
  )
  await recordOperations(fleet, yard, { rolledOut: healthy })
  const reached = hosts.filter(({ unreachable }) => unreachable === undefined)
  await readHistories(
    open,
    reached.map(({ host }) => host),
  )
}
