import { readHistory, runsOf } from "../history/history.ts"
import type { HostLook } from "../host/look.ts"
import type { OpenRollout } from "../open.ts"
import type { ComposeService } from "../service.ts"
import { factsFor } from "./facts.ts"
import type { RolloutPlan } from "./plan.ts"
import { byName } from "./pull.ts"
import { rollbackPlan } from "./rollback.ts"

/** The way back to what was good together before, by what the hosts keep. */
export async function planLastGood(open: OpenRollout, looks: readonly HostLook[]): Promise<RolloutPlan> {
  const kept = looks.flatMap(({ kept }) =>
    kept.flatMap(({ services }) => services.flatMap(({ image }) => byName(image))),
  )
  return rollbackPlan({
    ...(await factsFor(open, looks, kept)),
    definition: (host, svc, hash) => open.runner.definition(host, svc, hash) as Promise<ComposeService | undefined>,
    ...(await runsOn(open, looks)),
    now: open.now,
  })
}

/** The runs of all hosts, the newest first: which one a rollback takes back, or brings to an end. */
async function runsOn({ runner }: OpenRollout, looks: readonly HostLook[]) {
  const histories = looks.map(async ({ host }) => readHistory(host, await runner.history(host)))
  const all = runsOf(await Promise.all(histories))
  const newest = all.find(({ verb }) => verb === "deploy" || verb === "rollback")
  return {
    runs: all.map(({ run }) => run),
    ...(newest?.verb === "rollback" && newest.unfinished && { cutOff: newest.run }),
  }
}
