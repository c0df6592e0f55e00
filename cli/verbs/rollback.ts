import { Command } from "commander"
import { readHistory, runsOf } from "../../dagger/lib/rollout/history/history.ts"
import type { HostLook } from "../../dagger/lib/rollout/host/look.ts"
import type { PlanInput, RolloutPlan } from "../../dagger/lib/rollout/plan/plan.ts"
import { rollbackPlan } from "../../dagger/lib/rollout/plan/rollback.ts"
import type { ComposeService } from "../../dagger/lib/rollout/service.ts"
import { host, registry, withShared, yard } from "../options.ts"
import { factsFor } from "../rollout/facts.ts"
import { type OpenRollout, withRollout } from "../rollout/open.ts"
import { planAndApply } from "../rollout/run.ts"
import { asPlanned, type DeployFlags, onFailure, parallel, planOf } from "./deploy.ts"

interface RollbackFlags extends DeployFlags {
  to?: string
}

export const rollbackVerb = (): Command =>
  withShared(
    new Command("rollback").description("back to what was good before the last run, or to a release; verified healthy"),
  )
    .addOption(host())
    .addOption(yard())
    .addOption(registry())
    .option("--to <tag>", "this release (default: what ran and was good together before the newest run)")
    .option("--plan", "only plan: say what would be done, and change nothing")
    .option("--out <file>", "with --plan: also write the plan to a file")
    .option("--apply <file>", "carry out this plan, and refuse where it is not what would be done now")
    .addOption(onFailure())
    .addOption(parallel())
    .action(async (given: RollbackFlags) => {
      const flags = await asPlanned(given)
      await withRollout(flags, (open) =>
        planAndApply(open, flags, {
          verb: "rollback",
          planner: (looks) =>
            flags.to === undefined
              ? lastGood(open, looks)
              : planOf(open, { ...flags, tag: flags.to, standIns: true }, looks, "rollback"),
        }),
      )
    })

async function lastGood(open: OpenRollout, looks: HostLook[]): Promise<RolloutPlan> {
  const digests = looks.flatMap(({ kept }) => kept.flatMap(({ services }) => services.map(({ image }) => image)))
  return rollbackPlan({
    ...(await factsFor(
      open,
      looks,
      digests.map((image) => image.slice(image.indexOf("@") + 1)),
    )),
    definition: (host: string, svc: string, hash: string) =>
      open.runner.definition(host, svc, hash) as Promise<ComposeService | undefined>,
    ...(await runsOn(open, looks)),
    now: open.now,
  } satisfies Omit<PlanInput, "targets"> & Record<string, unknown>)
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
