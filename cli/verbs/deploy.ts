import { Command, InvalidArgumentError, Option } from "commander"
import type { HostLook } from "../../dagger/lib/rollout/host/look.ts"
import { wishOf } from "../../dagger/lib/rollout/plan/fresh.ts"
import { planRollout, type RolloutPlan } from "../../dagger/lib/rollout/plan/plan.ts"
import { targetsOf } from "../../dagger/lib/rollout/targets.ts"
import { host, registry, service, withShared, yard } from "../options.ts"
import { factsFor, servingDefinitions } from "../rollout/facts.ts"
import { type OpenRollout, withRollout } from "../rollout/open.ts"
import { type ApplyFlags, planAndApply, planIn } from "../rollout/run.ts"

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
        planAndApply(open, flags, { verb: "deploy", planner: (looks) => planOf(open, flags, looks, "deploy") }),
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

/** What it takes to run the chosen release everywhere. */
export async function planOf(
  open: OpenRollout,
  flags: DeployFlags,
  looks: HostLook[],
  verb: RolloutPlan["verb"],
): Promise<RolloutPlan> {
  const { chosen, records, verifying, hosts, now } = open
  const targets = await targetsOf(
    chosen.fleet,
    {
      ...{ yard: chosen.yard, hosts, services: flags.service, tag: flags.tag, standIns: flags.standIns, now },
      forced: flags.before ? flags.forced : process.env.FORCE_IMAGE_TAG,
      pins: Object.fromEntries(looks.map(({ host, pin }) => [host, pin])),
    },
    { registry: verifying.registry, records },
  )
  const input = {
    ...(await factsFor(
      open,
      looks,
      targets.instances.map(({ image }) => image.digest),
    )),
    targets,
    verb,
  }
  const plan = planRollout(input)
  // Few definitions differ as a rule: those are fetched, so that the plan can say in what.
  const differing = plan.hosts.flatMap(({ services }) => services.filter(({ action }) => action === "replace"))
  if (differing.length === 0 || differing.length > 8) return plan
  return planRollout({ ...input, old: await servingDefinitions(open, differing, looks) })
}
