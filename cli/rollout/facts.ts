import { snakeName } from "../../dagger/lib/fleet/names.ts"
import type { Layer } from "../../dagger/lib/release/layers.ts"
import type { Audio } from "../../dagger/lib/rollout/audio.ts"
import type { HostLook } from "../../dagger/lib/rollout/host/look.ts"
import { currentOf } from "../../dagger/lib/rollout/host/look.ts"
import { pullable } from "../../dagger/lib/rollout/plan/back.ts"
import type { HostWays, PlanInput } from "../../dagger/lib/rollout/plan/plan.ts"
import { digestsOn, layersKnown } from "../../dagger/lib/rollout/plan/pull.ts"
import { lookAtHost } from "../../dagger/lib/rollout/preflight/facts.ts"
import type { OpenRollout } from "./open.ts"

/** What a plan has to know besides what is wanted: sizes by records, what the registry has, how hosts give sound. */
export async function factsFor(
  open: OpenRollout,
  looks: readonly HostLook[],
  digests: readonly string[],
): Promise<Pick<PlanInput, "fleet" | "yard" | "registry" | "looks" | "layers" | "ways" | "pullable">> {
  const { chosen, registry } = open
  const [layers, back, ways] = await Promise.all([sizes(open, looks, digests), backs(open, looks), waysOf(open)])
  return { fleet: chosen.fleet, yard: chosen.yard, registry: registry.address, looks, layers, pullable: back, ways }
}

const sizes = (
  { records, registry, chosen }: OpenRollout,
  looks: readonly HostLook[],
  digests: readonly string[],
): Promise<Record<string, Layer[]>> => {
  const path = `${registry.address.host}/${registry.address.org}`
  return layersKnown(records, [...digests, ...digestsOn(looks, path)].slice(0, 200 * (1 + chosen.targets.length)))
}

const backs = ({ chosen, verifying }: OpenRollout, looks: readonly HostLook[]) =>
  pullable(looks, Object.keys(chosen.fleet.services).map(snakeName), verifying.registry)

/** On the demo there is neither a GPU nor sound, and the receiver is the yard's; a real host is asked for its sound. */
async function waysOf({ chosen, demo, hosts, shell }: OpenRollout): Promise<Record<string, HostWays>> {
  const { fleet } = chosen
  const found = hosts.map(async (host): Promise<[string, HostWays]> => {
    if (demo) return [host, { audio: "none", gpu: false, observability: demo.observability.address }]
    const sounding = Object.values(fleet.services).some(
      (each) => each.hosts.includes(host) && each.needs.includes("audio"),
    )
    if (!sounding) return [host, {}]
    const { sound } = await lookAtHost(shell, host, { fleet: fleet.name, registry: "" })
    const [audio = "none"]: Audio[] = [...sound]
    return [host, { audio }]
  })
  return Object.fromEntries(await Promise.all(found))
}

/** Definitions that serve now, so that a plan can say what differs. */
export async function servingDefinitions(
  { runner }: OpenRollout,
  changing: readonly { host: string; svc: string }[],
  looks: readonly HostLook[],
): Promise<NonNullable<PlanInput["old"]>> {
  const found = changing.map(async ({ host, svc }) => {
    const look = looks.find((each) => each.host === host)
    const hash = look && currentOf(look, svc)?.definition
    return hash === undefined ? [] : [[`${svc}.${hash}`, await runner.definition(host, svc, hash)] as const]
  })
  return Object.fromEntries((await Promise.all(found)).flat()) as NonNullable<PlanInput["old"]>
}
