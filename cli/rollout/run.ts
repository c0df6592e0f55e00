import { readFile, writeFile } from "node:fs/promises"
import type { Policy } from "../../dagger/lib/fleet/policy.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { rolloutText } from "../../dagger/lib/report/rollout.ts"
import { type RolloutPlanDocument, rolloutPlanDocument } from "../../dagger/lib/report/rollout-plan.ts"
import { rolloutPlanText } from "../../dagger/lib/report/rollout-plan-text.ts"
import { type Planner, planAndApply, planOnly } from "../../dagger/lib/rollout/deploy/apply.ts"
import type { RolloutReport } from "../../dagger/lib/rollout/deploy/report.ts"
import { readPlan } from "../../dagger/lib/rollout/plan/fresh.ts"
import type { RolloutPlan } from "../../dagger/lib/rollout/plan/plan.ts"
import { carriesOut } from "./gone.ts"
import type { OpenHere, RolloutFlags } from "./open.ts"
import { recordRollout } from "./recorded.ts"

export interface ApplyFlags extends RolloutFlags {
  plan?: boolean
  out?: string
  apply?: string
  /** What --apply names. */
  before?: RolloutPlanDocument
  onFailure?: Policy["rollout"]["onFailure"]
  parallel?: number
}

/** The plan in a file. */
export async function planIn(path: string): Promise<RolloutPlanDocument> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw wrongInput("cannot be read", {
      where: `--apply ${path}`,
      why: error.code,
      fix: "name a file that deploy --plan --out wrote",
    })
  })
  return readPlan(text, path)
}

/** Carries a verb out and tells how it ended; with --plan only what it would do. */
export async function planOrApply(
  open: OpenHere,
  flags: ApplyFlags,
  { verb, planner }: { verb: RolloutPlan["verb"]; planner: Planner },
): Promise<void> {
  if (flags.plan) {
    const plan = await planOnly(open, planner)
    if (flags.out !== undefined) await writeFile(flags.out, `${JSON.stringify(rolloutPlanDocument(plan), null, 1)}\n`)
    console.log(flags.json ? JSON.stringify(rolloutPlanDocument(plan)) : rolloutPlanText(rolloutPlanDocument(plan)))
    process.exitCode = plan.refusals.length > 0 ? 1 : 0
    return
  }
  const { before, onFailure, parallel } = flags
  await planAndApply(open, {
    ...{ verb, planner, before, onFailure, parallel, begins: carriesOut },
    ended: async (report, plan) => {
      await recordRollout(open, plan, report).catch((error) => {
        report.notes.push(
          `what this run showed could not be kept for phases and explain: ${error.message.split("\n")[0]}`,
        )
      })
      told(report, flags, open.progress.done)
    },
  })
}

function told(report: RolloutReport, flags: ApplyFlags, done: () => void): void {
  done()
  console.log(flags.json ? JSON.stringify(report) : rolloutText(report))
  process.exitCode = report.exitCode
}
