import { beforeAll, describe, expect, it } from "vitest"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { Problem } from "../../../dagger/lib/problem.ts"
import { rolloutPlanDocument, rolloutPlanSchema } from "../../../dagger/lib/report/rollout-plan.ts"
import { rolloutPlanText } from "../../../dagger/lib/report/rollout-plan-text.ts"
import type { HostLook } from "../../../dagger/lib/rollout/host/look.ts"
import { readPlan, requireFresh, wishOf } from "../../../dagger/lib/rollout/plan/fresh.ts"
import type { RolloutPlan } from "../../../dagger/lib/rollout/plan/plan.ts"
import type { Wish } from "../../../dagger/lib/rollout/targets.ts"
import { bare, carriedOut, currentTags, digest, ownOnDemo, planned, targets } from "./deployed.ts"

let fleet: Fleet
let looks: HostLook[]
beforeAll(async () => {
  fleet = await ownOnDemo()
  looks = carriedOut(planned(fleet, await targets(fleet, currentTags()), empty), empty)
})

const empty = [bare("mainpc"), bare("pc2")]
const web2 = (): Record<string, string> => ({ ...currentTags(), "reference-web:current": digest("web 2") })
const plan = async (tags = web2(), found = looks, wish: Partial<Wish> = {}) =>
  planned(fleet, await targets(fleet, tags, wish), found)
const text = (made: RolloutPlan) => rolloutPlanText(rolloutPlanDocument(made))

function staleness(work: () => void): Problem {
  try {
    work()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error("was not refused")
}

describe("a plan in a file", () => {
  it("fits its schema, and holds no definition with what services are told", async () => {
    const document = rolloutPlanDocument(await plan())
    expect(rolloutPlanSchema.parse(JSON.parse(JSON.stringify(document)))).toEqual(document)
    expect(JSON.stringify(document)).not.toContain("FAIRLEAD_INGEST_URL")
    expect(document).toMatchObject({ verb: "deploy", yard: "demo", changes: 9, unchanged: 58 })
  })

  it("is fresh as long as nothing moved, whatever the order of planning", async () => {
    const file = readPlan(JSON.stringify(rolloutPlanDocument(await plan())), "plan.json")
    requireFresh(file, await plan())
    requireFresh(file, planned(fleet, await targets(fleet, web2(), wishOf(file)), looks))
  })

  it("says what was asked for, so that the same can be asked again", async () => {
    const tags = { "reference-web:1": digest("1") }
    const asked = { hosts: ["mainpc"], services: ["ServiceRegistry", "SmartHomeAgent"], tag: "1" }
    const file = rolloutPlanDocument(await plan(tags, looks, asked))
    expect(wishOf(file)).toEqual({ ...asked, standIns: true })
    const forced = rolloutPlanDocument(await plan(tags, looks, { ...asked, tag: undefined, forced: "1" }))
    expect(wishOf(forced)).toMatchObject({ forced: "1" })
  })

  it("is stale when a tag moved, and both digests are shown", async () => {
    const file = rolloutPlanDocument(await plan())
    const moved = await plan({ ...currentTags(), "reference-web:current": digest("web 3") })
    const problem = staleness(() => requireFresh(file, moved))
    expect(problem.exitCode).toBe(3)
    expect(problem.message).toContain(
      `reference-web was ${digest("web 2")} (current) when it was planned, and is ${digest("web 3")} (current) now, for 9 services`,
    )
  })

  it("is stale when a host runs something else by now, and both digests are shown", async () => {
    const file = rolloutPlanDocument(await plan())
    const image = `127.0.0.1:5000/my-fleet/reference-web@${digest("by another run")}`
    const others = looks.map((look) => ({
      ...look,
      containers: look.containers.map((each) => (each.name === "service_registry" ? { ...each, image } : each)),
    }))
    const { message } = staleness(() => requireFresh(file, planned(fleet, foundNow, others)))
    expect(message).toContain(
      `ServiceRegistry on mainpc ran ${digest("web")} when it was planned, and runs ${digest("by another run")} now`,
    )
  })

  it("is stale when fleet.yaml, the yard or what is asked for changed, or somebody edited the file", async () => {
    const made = await plan()
    const file = rolloutPlanDocument(made)
    const app = { ...fleet.apps.reference!, env: { A: "1" } }
    const other = planned({ ...fleet, apps: { reference: app } }, foundNow, looks)
    expect(staleness(() => requireFresh(file, other)).message).toContain("is defined otherwise now")
    expect(staleness(() => requireFresh(file, { ...made, yard: "fleet.yaml" })).message).toContain("the yard was demo")
    const fewer = await plan(web2(), looks, { services: ["ServiceRegistry"] })
    expect(staleness(() => requireFresh(file, fewer)).message).toContain("is not planned any more")
    expect(staleness(() => requireFresh(rolloutPlanDocument(fewer), made)).message).toContain("was not planned")
    const edited = structuredClone(file)
    edited.hosts[0]!.services[0]!.to.digest = digest("what I want")
    expect(staleness(() => requireFresh(edited, made)).message).toContain(digest("what I want"))
  })

  it.each(["", "{", "[]", "{}", '{"schema":2}', JSON.stringify({ schema: 1, id: "../../x" })])(
    "is refused as none: %j",
    (written) => {
      expect(staleness(() => readPlan(written, "plan.json"))).toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(/^plan\.json: is no(t JSON| plan of a rollout)/),
      })
    },
  )

  it("cannot steer a terminal by what it says", async () => {
    const file = rolloutPlanDocument(await plan())
    file.yard = "\u001b]0;owned\u0007\u001b[2Jdemo"
    const { message } = staleness(() => requireFresh(file, planned(fleet, foundNow, looks)))
    expect(message).not.toMatch(/[\u001b\u0007]/)
  })

  let foundNow: Awaited<ReturnType<typeof targets>>
  beforeAll(async () => {
    foundNow = await targets(fleet, web2())
  })
})

describe("a plan for people", () => {
  it("has a line for each service that changes, by wave, and counts the others", async () => {
    const made = await plan()
    const said = text(made)
    expect(said).toContain(
      `${made.id} · 8 of 64 services change, in 9 containers · demo, registry 127.0.0.1:5000/my-fleet`,
    )
    expect(said.match(/another image/g)).toHaveLength(9)
    expect(said).toMatch(/core +ServiceRegistry \(stand-in\) +mainpc +replace/)
    expect(said).toMatch(/others +58 containers unchanged/)
    expect(said).toMatch(/pull +mainpc 1 image of unknown size · pc2 1 image of unknown size/)
    expect(said).toMatch(/back +mainpc \d+ there · pc2 \d+ there/)
    expect(said).toMatch(/stand-in +64 of 64 services run the stand-in.*for \d+ of them this yard has no GPU or image/)
  })

  it("is one line where there is nothing to do, but for what people should know", async () => {
    expect(
      text(await plan(currentTags()))
        .split("\n")
        .filter((each) => each.trim() !== ""),
    ).toEqual([
      expect.stringMatching(/plan +[0-9a-f]{8} · nothing to do: all 64 services unchanged · demo/),
      expect.stringContaining("stand-in"),
    ])
  })

  it("shows pins, and that one has ended", async () => {
    const held = { tag: "1", reason: "voice", by: "anna", at: "2026-11-20T00:00:00Z" }
    const tags = { ...currentTags(), "reference-web:1": digest("web"), "reference-cpu:1": digest("cpu") }
    const pins = { mainpc: held, pc2: { ...held, until: "2026-11-21" } }
    const said = text(await plan(tags, looks, { pins }))
    expect(said).toMatch(/pin +mainpc is pinned to 1 by anna: voice/)
    expect(said).toMatch(/pin +pc2 was pinned to 1 until 2026-11-21: that holds no more/)
    expect(text(await plan(tags, looks, { forced: "1" }))).toContain("mainpc gets 1: FORCE_IMAGE_TAG says so")
  })

  it("says what is refused and what mends it, and what is left where it is", async () => {
    const taken = looks.map((look) => ({ ...look, others: ["service_registry"] }))
    const { ServiceRegistry: _, ...services } = fleet.services
    expect(text(await plan(web2(), taken))).toMatch(
      /refused +ServiceRegistry on mainpc: a container.*\n +fix +on mainpc/,
    )
    const fewer = planned({ ...fleet, services }, await targets({ ...fleet, services }, currentTags()), looks)
    expect(text(fewer)).toMatch(/left +ServiceRegistry on mainpc: there, and not in fleet.yaml/)
    const found = await targets(fleet, {}, { yard: "fleet.yaml" })
    expect(text(planned(fleet, found, empty))).toMatch(/there is nothing to deploy[\s\S]*64 stand-ins .*--stand-ins/)
  })
})
