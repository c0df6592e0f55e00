import { currentOf, type HostContainer, type HostLook, isGood, previousOf } from "../host/look.ts"
import type { PlannedService, Refusal, WayBack } from "./plan.ts"

/** What takes over on a host when a service's switch fails: the last container that was called good. */
export function wayBack(look: HostLook, svc: string, pullable: Readonly<Record<string, boolean | undefined>>): WayBack {
  const good = goodOne(look, svc)
  if (!good) return { to: "removed" }
  const { image, tag } = good.container
  const known = pullable[image] === undefined ? "unknown" : pullable[image] ? "registry" : "nowhere"
  return { to: good.to, image, ...(tag && { tag }), at: look.images.includes(image) ? "host" : known }
}

/** References by digest that go back when something fails, and that their host has not: whoever plans asks the registry. */
export const missingBack = (look: HostLook, svcs: readonly string[]): string[] => [
  ...new Set(
    svcs
      .flatMap((svc) => goodOne(look, svc)?.container.image ?? [])
      .filter((image) => image.includes("@") && !look.images.includes(image)),
  ),
]

function goodOne(look: HostLook, svc: string): { to: "current" | "prev"; container: HostContainer } | undefined {
  const current = currentOf(look, svc)
  if (current && isGood(look, svc, current)) return { to: "current", container: current }
  const previous = previousOf(look, svc)
  return previous && { to: "prev", container: previous }
}

/** Why services of a host may not be rolled out as planned. */
export const refusalsFor = (services: readonly PlannedService[], look: HostLook): Refusal[] =>
  services
    .filter(({ action }) => action !== "unchanged")
    .flatMap(({ service, svc, back }) => [...namesTaken(look, { service, svc }), ...noWayBack(look, service, back)])

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
