import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"
import type { PlannedService, RolloutPlan } from "../rollout/plan/plan.ts"

const pin = z.object({
  tag: z.string(),
  reason: z.string(),
  by: z.string(),
  at: z.string(),
  until: z.string().optional(),
})

const version = z.object({
  image: z.string(),
  digest: digestSchema.optional(),
  definition: z.string().optional().describe("12 hex digits over all that makes the container behave as it does."),
  tag: z.string().optional().describe("The release that people know it by."),
})

const plannedService = z.object({
  service: z.string(),
  container: z.string(),
  wave: z.string(),
  action: z
    .enum(["create", "replace", "start", "finish", "unchanged"])
    .describe(
      "start: the wanted one is there, and is stopped or ill; a new container takes its place. " +
        "finish: an unfinished run left what is wanted; it is probed, not switched.",
    ),
  reasons: z.array(z.string()).describe("Why it is not unchanged."),
  from: version.optional().describe("What serves now; absent where nothing does."),
  to: version.required(),
  stopFirst: z.literal(true).describe("The old one stops before the new one starts: ports are published."),
  standIn: z.boolean().describe("It runs the stand-in, not code of its own."),
  stoodInFor: z.string().optional().describe("Why a stand-in takes its place on this yard."),
  downSeconds: z.number().optional().describe("Without service at its last switch; absent where there was none."),
  back: z
    .object({
      to: z.enum(["current", "prev", "removed"]).describe("Which container goes back when the new one fails."),
      image: z.string().optional(),
      tag: z.string().optional(),
      at: z.enum(["host", "registry", "nowhere", "unknown"]).optional().describe("Where its image is."),
    })
    .optional(),
})

/** What `deploy --plan --json` prints, and what `deploy --apply` reads. */
export const rolloutPlanSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  id: z.string().regex(/^[0-9a-f]{8}$/),
  verb: z.enum(["deploy", "rollback"]),
  fleet: z.string(),
  yard: z.string().describe('"fleet.yaml", or the name of the demo yard whose hosts were asked in its place.'),
  registry: z.string(),
  waves: z.array(z.string()).describe("In the order in which they roll out."),
  changes: z.number().describe("Containers that change: a service on two hosts counts twice."),
  unchanged: z.number(),
  hosts: z.array(
    z.object({
      host: z.string(),
      tag: z.string(),
      chosenBy: z
        .enum(["current", "tag", "environment", "pin", "snapshot"])
        .describe("current: nobody named a tag; environment: FORCE_IMAGE_TAG; snapshot: what was good there before."),
      pin: pin.optional().describe("The pin that holds there."),
      expiredPin: pin.optional().describe("A pin whose last day has passed: it does not hold."),
      pull: z.object({
        bytes: z.number().describe("Of layers that are not there, as far as records tell."),
        images: z.array(z.string()),
        unknown: z.array(z.string()).describe("Images among them without a record: nobody knows how big they are."),
        mirror: z.string().optional().describe("The registry nearby that is asked for their bytes first."),
      }),
      strangers: z.array(z.string()).describe("Services that run there although fleet.yaml has them no more."),
      services: z.array(plannedService),
    }),
  ),
  leftOut: z.array(z.object({ host: z.string(), service: z.string() })).describe("Stand-ins that were not asked for."),
  refusals: z
    .array(
      z.object({
        kind: z.enum(["name", "noWayBack", "noImage", "pin"]),
        host: z.string(),
        service: z.string(),
        what: z.string(),
        fix: z.string(),
      }),
    )
    .describe("What has to be mended before anything is applied."),
})

export type RolloutPlanDocument = z.infer<typeof rolloutPlanSchema>

/** The plan as a document: without compose definitions, which stay out of files that people hand around. */
export function rolloutPlanDocument({ id, verb, fleet, yard, registry, ...plan }: RolloutPlan): RolloutPlanDocument {
  const actions = plan.hosts.flatMap(({ services }) => services.map(({ action }) => action))
  const unchanged = actions.filter((action) => action === "unchanged").length
  return {
    ...{ schema: 1, id, verb, fleet, yard, registry, waves: plan.waves },
    ...{ changes: actions.length - unchanged, unchanged },
    hosts: plan.hosts.map(({ host, chosen, pull, strangers, services }) => ({
      ...{ host, tag: chosen.tag, chosenBy: chosen.by },
      ...(chosen.pin && { pin: chosen.pin }),
      ...(chosen.expired && { expiredPin: chosen.expired }),
      ...{ pull, strangers, services: services.map(serviceDocument) },
    })),
    leftOut: plan.leftOut,
    refusals: plan.refusals,
  }
}

const serviceDocument = ({ definition: _, manifest: __, host: ___, svc, ...service }: PlannedService) => ({
  ...service,
  container: svc,
})
