import { availableParallelism } from "node:os"
import type { Policy } from "../../fleet/policy.ts"
import { Problem } from "../../problem.ts"
import { type RolloutPlanDocument, rolloutPlanDocument } from "../../report/rollout-plan.ts"
import { rolloutPlanText } from "../../report/rollout-plan-text.ts"
import { line } from "../../report/text.ts"
import type { HostLook } from "../host/look.ts"
import { newRun, type OpenRollout } from "../open.ts"
import { requireFresh } from "../plan/fresh.ts"
import type { RolloutPlan } from "../plan/plan.ts"
import { requireReady } from "../preflight/ready.ts"
import { type Asking, Holds } from "./holds.ts"
import type { RolloutReport } from "./report.ts"
import { rollOut } from "./rollout.ts"
import { settle, wantsSettling } from "./settle.ts"
import { verifierOf } from "./verifier.ts"

/** Makes the plan of a verb from what the hosts say. */
export type Planner = (looks: HostLook[]) => Promise<RolloutPlan>

export interface Applying {
  verb: RolloutPlan["verb"]
  planner: Planner
  /** The plan that somebody looked at: refused where it is not what would be done now. */
  before?: RolloutPlanDocument
  /** Default: policy.rollout.onFailure. */
  onFailure?: Policy["rollout"]["onFailure"]
  /** Services switched at once on a host. Default: 4, or the cores of this machine. */
  parallel?: number
  /** Told the run's name before anything is locked. */
  begins?: (run: string) => Promise<void>
  /** Told what came of it, as long as the hosts are locked. */
  ended: (report: RolloutReport, plan: RolloutPlan) => Promise<void>
}

/** What would be done; without a lock, and nothing is changed. */
export const planOnly = async (open: OpenRollout, planner: Planner): Promise<RolloutPlan> =>
  planner(await looksAt(open))

/** Plans under the lock and carries out what was planned, so that nothing changes in between. */
export async function planAndApply(open: OpenRollout, applying: Applying): Promise<void> {
  const { runner, hosts, progress, owner } = open
  const { verb, planner, before } = applying
  const run = newRun()
  await applying.begins?.(run)
  const holds = await Holds.take(runner, hosts, { run, owner, verb }, askingOf(open))
  try {
    const looks = await settled(open, holds, await looksAt(open))
    const plan = await planner(looks)
    if (before) requireFresh(before, plan)
    progress.say(rolloutPlanText(rolloutPlanDocument(plan)))
    requireNoRefusal(plan)
    await requireReady(open, plan)
    const report = await rollOut(
      {
        ...{ runner, holds, run, owner },
        policy: applying.onFailure ?? open.chosen.fleet.policy.rollout.onFailure,
        parallel: applying.parallel ?? Math.max(4, availableParallelism()),
        verify: verifierOf(open),
        way: open.way,
        onEvent: progress.event,
        signal: open.signal,
      },
      plan,
    )
    await applying.ended(report, plan)
  } finally {
    await holds.release()
  }
}

const looksAt = ({ runner, hosts }: OpenRollout): Promise<HostLook[]> =>
  Promise.all(hosts.map((host) => runner.look(host)))

const askingOf = ({ progress, signal, isGone }: OpenRollout): Asking => ({
  isGone,
  onWait: (host, holder) =>
    progress.say(
      line("waiting", `${host} still works by itself on run ${holder.run} (${holder.verb}), whose deployer is gone`),
    ),
  signal,
})

/** What a run before left half done is made good first: a plan over it would be one over a moment. */
async function settled(open: OpenRollout, holds: Holds, looks: HostLook[]): Promise<HostLook[]> {
  const { runner, progress } = open
  const left = looks.filter(wantsSettling).map(({ host }) => host)
  if (left.length === 0) return looks
  progress.say(line("settle", `a run before was cut off: making good what it left on ${left.join(", ")}`))
  await settle({ runner, holds, onEvent: progress.event }, left)
  return Promise.all(looks.map((each) => (left.includes(each.host) ? runner.look(each.host) : each)))
}

function requireNoRefusal({ refusals }: RolloutPlan): void {
  if (refusals.length === 0) return
  const [first] = refusals
  throw new Problem(
    `nothing was changed: ${refusals.map(({ host, service, what }) => `${service} on ${host}: ${what}`).join("; ")}`,
    {
      fix: first!.fix,
      exitCode: 1,
    },
  )
}
