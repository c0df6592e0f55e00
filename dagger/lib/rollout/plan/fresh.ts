import { z } from "zod"
import { harmless } from "../../engine/engine.ts"
import { Problem, wrongInput } from "../../problem.ts"
import { type RolloutPlanDocument, rolloutPlanDocument, rolloutPlanSchema } from "../../report/rollout-plan.ts"
import type { Wish } from "../targets.ts"
import type { RolloutPlan } from "./plan.ts"

/** A plan out of a file; `path` is for sentences. Throws a Problem (exit code 2) where it is none. */
export function readPlan(text: string, path: string): RolloutPlanDocument {
  const fix = "fairlead deploy --plan --json > FILE writes one"
  if (text.length > mostCharacters) throw wrongInput("is too long for a plan", { where: path, fix })
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw wrongInput("is not JSON", { where: path, fix })
  }
  const parsed = rolloutPlanSchema.safeParse(data)
  if (parsed.success) return parsed.data
  throw wrongInput("is no plan of a rollout", {
    where: path,
    why: harmless(z.prettifyError(parsed.error)).slice(0, 600),
    fix,
  })
}

/** What has to be asked for, so that planning again answers the same unless something moved. */
export function wishOf({
  hosts,
}: RolloutPlanDocument): Pick<Wish, "hosts" | "services" | "tag" | "forced" | "standIns"> {
  const services = hosts.flatMap((host) => host.services)
  const named = (by: string) => hosts.find(({ chosenBy }) => chosenBy === by)?.tag
  const [tag, forced] = [named("tag"), named("environment")]
  return {
    hosts: hosts.map(({ host }) => host),
    services: [...new Set(services.map(({ service }) => service))],
    ...(tag !== undefined && { tag }),
    ...(forced !== undefined && { forced }),
    standIns: services.some(({ standIn }) => standIn),
  }
}

/** Throws a Problem (exit code 3) where anything moved between a plan and now, with both digests of what did. */
export function requireFresh(planned: RolloutPlanDocument, plan: RolloutPlan): void {
  const now = rolloutPlanDocument(plan)
  const moved = [...moves(planned, now), ...tagMoves(planned, now), ...serviceMoves(planned, now)]
  if (moved.length === 0) return
  const shown = [
    ...moved.slice(0, mostShown),
    ...(moved.length > mostShown ? [`and ${moved.length - mostShown} more`] : []),
  ]
  throw new Problem(`plan ${planned.id} is stale, and nothing was done`, {
    // Half of it stands in a file that anybody may have written.
    why: harmless(shown.join("; ")).slice(0, 4000),
    fix: "plan again, look at it, and apply that one",
  })
}

const mostShown = 8
// 10,000 services take some 10 MB.
const mostCharacters = 32_000_000

function moves(planned: RolloutPlanDocument, now: RolloutPlanDocument): string[] {
  const kinds = ["verb", "fleet", "yard", "registry"] as const
  return kinds
    .filter((kind) => planned[kind] !== now[kind])
    .map((kind) => `the ${kind} was ${planned[kind]} when it was planned, and is ${now[kind]} now`)
}

interface Placed {
  where: string
  service: RolloutPlanDocument["hosts"][number]["services"][number]
}

const placed = ({ hosts }: RolloutPlanDocument): Map<string, Placed> =>
  new Map(
    hosts.flatMap(({ host, services }) =>
      services.map((service) => [`${host}:${service.container}`, { where: `${service.service} on ${host}`, service }]),
    ),
  )

/** A tag that points elsewhere moves many services: told once, by its image. */
function tagMoves(planned: RolloutPlanDocument, now: RolloutPlanDocument): string[] {
  const after = placed(now)
  const moved = new Map<string, number>()
  for (const [key, { service }] of placed(planned)) {
    const to = after.get(key)?.service.to
    if (to === undefined || to.digest === service.to.digest) continue
    const name = service.to.image.split("@")[0]!.split("/").at(-1)
    const what = `${name} was ${service.to.digest} (${service.to.tag}) when it was planned, and is ${to.digest} (${to.tag}) now`
    moved.set(what, (moved.get(what) ?? 0) + 1)
  }
  return [...moved].map(([what, count]) => `${what}, for ${count} service${count > 1 ? "s" : ""}`)
}

function serviceMoves(planned: RolloutPlanDocument, now: RolloutPlanDocument): string[] {
  const [before, after] = [placed(planned), placed(now)]
  const kept = [...before].flatMap(([key, { where, service }]) => {
    const other = after.get(key)
    if (!other) return [`${where} is not planned any more`]
    const { from, to, action } = other.service
    const [ran, runs] = [service.from?.digest ?? service.from?.image, from?.digest ?? from?.image]
    if (ran !== runs) return [`${where} ran ${ran ?? "nothing"} when it was planned, and runs ${runs ?? "nothing"} now`]
    if (service.from?.definition !== from?.definition)
      return [
        `${where} was made anew since: ${service.from?.definition ?? "by hand"} then, ${from?.definition ?? "by hand"} now`,
      ]
    if (to.digest === service.to.digest && to.definition !== service.to.definition)
      return [`${where} is defined otherwise now: ${service.to.definition} then, ${to.definition} now`]
    return action === service.action ? [] : [`${where} was to ${service.action}, and is to ${action} now`]
  })
  const come = [...after].filter(([key]) => !before.has(key)).map(([, { where }]) => `${where} was not planned`)
  return [...kept, ...come]
}
