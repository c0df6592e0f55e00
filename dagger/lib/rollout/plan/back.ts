import pLimit from "p-limit"
import { StepError } from "../../engine/engine.ts"
import { digestIn } from "../../release/reference.ts"
import { type RegistryAddress, repository } from "../../release/registry.ts"
import { currentOf, type HostContainer, type HostLook, isGood, previousOf } from "../host/look.ts"
import type { PlanInput, PlannedService, Refusal, WayBack } from "./plan.ts"

/** What takes over on a host when a service's switch fails: the last container that was called good. */
export function wayBack(look: HostLook, svc: string, pullable: Readonly<Record<string, boolean | undefined>>): WayBack {
  const good = goodOne(look, svc)
  if (!good) return { to: "removed" }
  const { image, tag } = good.container
  const known = pullable[image] === undefined ? "unknown" : pullable[image] ? "registry" : "nowhere"
  return { to: good.to, image, ...(tag && { tag }), at: look.images.includes(image) ? "host" : known }
}

/** Where images are kept. */
interface Kept {
  readonly address: RegistryAddress
  manifest(family: string, digest: string): Promise<string | undefined>
}

/**
 * Whether the registry still has what goes back, after a failure or by a rollback, and is not on its host any more, by reference. What is another registry's,
 * or could not be asked, is left out: nobody knows.
 */
export async function pullable(
  looks: readonly HostLook[],
  svcs: readonly string[],
  registry: Kept,
  parallel = 4,
): Promise<Record<string, boolean>> {
  const side = pLimit(parallel)
  const ours = repository(registry.address, "")
  const missing = looks
    .flatMap((look) => svcs.flatMap((svc) => missingBack(look, svc)))
    .filter((image) => image.startsWith(ours))
  const asked = [...new Set(missing)].map((image) =>
    side(async (): Promise<[string, boolean][]> => {
      const [name, digest] = image.slice(ours.length).split("@")
      try {
        return [[image, (await registry.manifest(name!, digest!)) !== undefined]]
      } catch (error) {
        // A registry that is down must not stand in the way of going back to what hosts have.
        if (error instanceof StepError) return []
        throw error
      }
    }),
  )
  return Object.fromEntries((await Promise.all(asked)).flat())
}

function missingBack(look: HostLook, svc: string): string[] {
  const kept = look.kept.flatMap(({ services }) =>
    services.filter((each) => each.svc === svc).map(({ image }) => image),
  )
  return [goodOne(look, svc)?.container.image, ...kept].filter(
    (image) => image !== undefined && digestIn(image) !== undefined && !look.images.includes(image),
  ) as string[]
}

function goodOne(look: HostLook, svc: string): { to: "current" | "prev"; container: HostContainer } | undefined {
  const current = currentOf(look, svc)
  if (current && isGood(look, svc, current)) return { to: "current", container: current }
  const previous = previousOf(look, svc)
  return previous && { to: "prev", container: previous }
}

/** Why services of a host may not be rolled out as planned. Who goes back must not need a way back to what failed. */
export const refusalsFor = (
  services: readonly PlannedService[],
  look: HostLook,
  { verb, pullable = {} }: Pick<PlanInput, "verb" | "pullable">,
): Refusal[] =>
  services
    .filter(({ action }) => action !== "unchanged")
    .flatMap(({ service, svc, back, to }) => [
      ...namesTaken(look, { service, svc }),
      ...(verb === "rollback" ? [] : noWayBack(look, service, back)),
      ...(look.images.includes(to.image) || pullable[to.image] !== false ? [] : [noImage(look, service, to.image)]),
    ])

const noImage = ({ host }: HostLook, service: string, image: string): Refusal => ({
  ...{ kind: "noImage", host, service },
  what: `the image that it is to run is neither there nor in the registry any more: ${image}`,
  fix: "name a release that is still kept: fairlead rollback --to TAG",
})

const namesTaken = ({ host, others }: HostLook, { service, svc }: Pick<PlannedService, "service" | "svc">): Refusal[] =>
  [svc, `${svc}.prev`]
    .filter((name) => others.includes(name))
    .map((name) => ({
      ...{ kind: "name", host, service },
      what: `a container that is not this fleet's has the name ${name}`,
      fix: `on ${host}: docker inspect ${name} tells whose it is; docker rename ${name} ${name}_old, or docker rm`,
    }))

const noWayBack = ({ host }: HostLook, service: string, back?: WayBack): Refusal[] =>
  back?.at !== "nowhere"
    ? []
    : [
        {
          ...{ kind: "noWayBack", host, service },
          what: `what it would go back to is neither there nor in the registry: ${back.image}`,
          fix: "push that image again from a machine that has it, before anything is switched",
        },
      ]
