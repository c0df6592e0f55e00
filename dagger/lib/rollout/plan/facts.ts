import { StepError } from "../../engine/engine.ts"
import { snakeName } from "../../fleet/names.ts"
import type { Layer } from "../../release/layers.ts"
import type { Audio } from "../audio.ts"
import type { HostLook } from "../host/look.ts"
import { currentOf } from "../host/look.ts"
import type { OpenRollout } from "../open.ts"
import { lookAtHost } from "../preflight/facts.ts"
import { pullable } from "./back.ts"
import type { HostWays, PlanInput } from "./plan.ts"
import { byName, imagesOn, layersKnown } from "./pull.ts"

/** What a plan has to know besides what is wanted: sizes by records, what the registry has, how hosts give sound. */
export async function factsFor(
  open: OpenRollout,
  looks: readonly HostLook[],
  images: readonly { digest: string; image?: string }[],
): Promise<Pick<PlanInput, "fleet" | "yard" | "registry" | "looks" | "layers" | "ways" | "pullable">> {
  const { chosen, registry } = open
  const [layers, back, ways] = await Promise.all([sizes(open, looks, images), backs(open, looks), waysOf(open)])
  return { fleet: chosen.fleet, yard: chosen.yard, registry, looks, layers, pullable: back, ways }
}

const sizes = (
  { records, registry, chosen }: OpenRollout,
  looks: readonly HostLook[],
  images: readonly { digest: string; image?: string }[],
): Promise<Record<string, Layer[]>> => {
  // A registry that is down must not stand in the way of going back to what hosts have.
  const byDigest = (digest: string, image?: string) => records.byDigest(digest, image).catch(unlessStep)
  const there = imagesOn(looks, `${registry.host}/${registry.org}`).flatMap(byName)
  return layersKnown({ byDigest }, [...images, ...there].slice(0, 200 * (1 + chosen.targets.length)))
}

function unlessStep(error: unknown): undefined {
  if (!(error instanceof StepError)) throw error
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
