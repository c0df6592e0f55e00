import { Command } from "commander"
import { planDeploy } from "../../dagger/lib/rollout/plan/deploy.ts"
import { planLastGood } from "../../dagger/lib/rollout/plan/last-good.ts"
import { host, registry, withShared, yard } from "../options.ts"
import { withRollout } from "../rollout/open.ts"
import { planOrApply } from "../rollout/run.ts"
import { asPlanned, type DeployFlags, onFailure, parallel, wishIn } from "./deploy.ts"

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
        planOrApply(open, flags, {
          verb: "rollback",
          planner: (looks) =>
            flags.to === undefined
              ? planLastGood(open, looks)
              : planDeploy(open, { ...wishIn(flags), tag: flags.to, standIns: true }, looks, "rollback"),
        }),
      )
    })
