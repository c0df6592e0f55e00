import type { HostLook } from "../host/look.ts"
import type { OpenRollout } from "../open.ts"
import { targetsOf } from "../targets.ts"
import { factsFor, servingDefinitions } from "./facts.ts"
import { planRollout, type RolloutPlan } from "./plan.ts"

/** What somebody wants to run. */
export interface DeployWish {
  /** Only these services. Default: all. */
  services?: readonly string[]
  /** This release. Default: FORCE_IMAGE_TAG, then the host's pin, then what was released last. */
  tag?: string
  /** FORCE_IMAGE_TAG of the environment. */
  forced?: string
  /** Also stand-ins on real hosts. */
  standIns?: boolean
}

/** What it takes to run the chosen release everywhere. */
export async function planDeploy(
  open: OpenRollout,
  { services, tag, forced, standIns }: DeployWish,
  looks: readonly HostLook[],
  verb: RolloutPlan["verb"] = "deploy",
): Promise<RolloutPlan> {
  const { chosen, records, verifying, hosts, now } = open
  const pins = Object.fromEntries(looks.map(({ host, pin }) => [host, pin]))
  const targets = await targetsOf(
    chosen.fleet,
    { yard: chosen.yard, hosts, services, tag, forced, standIns, pins, now },
    { registry: verifying.registry, records },
  )
  const images = targets.instances.map(({ image: { digest, name } }) => ({ digest, image: name }))
  const input = { ...(await factsFor(open, looks, images)), targets, verb }
  const plan = planRollout(input)
  // Few definitions differ as a rule: those are fetched, so that the plan can say in what.
  const differing = plan.hosts.flatMap(({ services }) => services.filter(({ action }) => action === "replace"))
  if (differing.length === 0 || differing.length > 8) return plan
  return planRollout({ ...input, old: await servingDefinitions(open, differing, looks) })
}
