import { Command, InvalidArgumentError, Option } from "commander"
import { type DeployWish, planDeploy } from "../../dagger/lib/rollout/plan/deploy.ts"
import { wishOf } from "../../dagger/lib/rollout/plan/fresh.ts"
import { host, registry, service, withShared, yard } from "../options.ts"
import { withRollout } from "../rollout/open.ts"
import { type ApplyFlags, planIn, planOrApply } from "../rollout/run.ts"

export interface DeployFlags extends ApplyFlags {
  /** FORCE_IMAGE_TAG, as a plan that is carried out was made with. */
  forced?: string
  service?: string[]
  tag?: string
  standIns?: boolean
}

export const deployVerb = (): Command =>
  withShared(new Command("deploy").description("roll out in waves, wait for health, and take back what fails"))
    .addOption(host())
    .addOption(service())
    .addOption(yard())
    .addOption(registry())
    .option("--tag <tag>", "this release (default: FORCE_IMAGE_TAG, then the host's pin, then what was released last)")
    .option("--stand-ins", "also roll stand-ins out to real hosts: services whose code fleet.yaml does not name")
    .option("--plan", "only plan: say what would be done, and change nothing")
    .option("--out <file>", "with --plan: also write the plan to a file")
    .option("--apply <file>", "carry out this plan, and refuse where it is not what would be done now")
    .addOption(onFailure())
    .addOption(parallel())
    .action(async (given: DeployFlags) => {
      const flags = await asPlanned(given)
      await withRollout(flags, (open) =>
        planOrApply(open, flags, { verb: "deploy", planner: (looks) => planDeploy(open, wishIn(flags), looks) }),
      )
    })

/** With --apply the plan says which hosts, services and tag were meant, and not the command line once more. */
export async function asPlanned<Flags extends DeployFlags>(flags: Flags): Promise<Flags> {
  if (flags.apply === undefined) return flags
  const before = await planIn(flags.apply)
  const { hosts, services, tag, forced, standIns } = wishOf(before)
  const wish = {
    host: hosts as string[],
    service: services as string[],
    standIns,
    ...(tag && { tag }),
    ...(forced && { forced }),
  }
  return { ...flags, before, ...wish }
}

export const onFailure = (): Option =>
  new Option("--on-failure <what>", "what goes back when a service fails (default: policy.rollout.onFailure)").choices([
    "service",
    "wave",
    "fleet",
  ])

export const parallel = (): Option =>
  new Option(
    "--parallel <number>",
    "services switched at once on a host (default: 4, or the cores of this machine)",
  ).argParser((value) => {
    const number = Number(value)
    if (!Number.isInteger(number) || number < 1 || number > 64)
      throw new InvalidArgumentError("it is no number from 1 to 64.")
    return number
  })

/** FORCE_IMAGE_TAG counts as it was when a plan was made that is carried out. */
export const wishIn = ({ service, tag, standIns, before, forced }: DeployFlags): DeployWish => ({
  ...{ services: service, tag, standIns },
  forced: before ? forced : process.env.FORCE_IMAGE_TAG,
})
