import { beforeAll, describe, expect, it } from "vitest"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { Problem } from "../../../dagger/lib/problem.ts"
import { MemoryStore } from "../../../dagger/lib/release/store.ts"
import type { Pin } from "../../../dagger/lib/rollout/host/look.ts"
import { targetsOf } from "../../../dagger/lib/rollout/targets.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
import { currentTags, digest, now, ownOnDemo, Tags, targets } from "./deployed.ts"

let fleet: Fleet
beforeAll(async () => {
  fleet = await ownOnDemo()
})

const tagged = (tag: string) => ({
  [`reference-cpu:${tag}`]: digest(`cpu ${tag}`),
  [`reference-web:${tag}`]: digest(`web ${tag}`),
  [`reference-legacy:${tag}`]: digest(`legacy ${tag}`),
})
const pin = (more: Partial<Pin> = {}): Pin => ({
  ...{ tag: "20261120-9d1c2aa", reason: "voice breaks on the next", by: "anna@laptop", at: "2026-11-20T10:00:00Z" },
  ...more,
})

async function refused(work: Promise<unknown>): Promise<Problem> {
  const error = await work.catch((each: unknown) => each)
  if (error instanceof Problem) return error
  throw new Error(`was not refused: ${error}`)
}

describe("which image a service gets", () => {
  it("is what was released last, looked up once for each image", async () => {
    const registry = new Tags(currentTags())
    const found = await targetsOf(fleet, { yard: "demo", pins: {}, now }, { registry, records: new MemoryStore() })
    expect(registry.asked.sort()).toEqual([
      "reference-cpu:current",
      "reference-legacy:current",
      "reference-web:current",
    ])
    expect(found.chosen).toEqual({
      mainpc: { tag: "current", by: "current" },
      pc2: { tag: "current", by: "current" },
    })
    expect(found.instances.find(({ service }) => service.name === "ModelOpsCoordinator")).toMatchObject({
      image: { name: "reference-cpu", digest: digest("cpu"), asked: "current", tag: "current" },
      standIn: true,
    })
  })

  it("is called by its newest release, and knows its commit, where records tell", async () => {
    const records = new MemoryStore()
    const web = digest("web")
    await records.put(tinyRecord("reference-web", web))
    const release = (tag: string, of: string) =>
      records.released({ family: "reference-web", tag, ref: "", digest: of, at: "2026-11-22T00:00:00Z" })
    await release("20261120-1111111", web)
    await release("20261121-2222222", web)
    await release("20261122-3333333", digest("not published yet"))
    const { instances } = await targets(fleet, currentTags(), { services: ["ServiceRegistry"] }, records)
    expect(instances[0]!.image).toMatchObject({
      ...{ asked: "current", tag: "20261121-2222222" },
      revision: "0123456789abcdef0123456789abcdef01234567",
    })
  })

  it("is that of --tag, or of FORCE_IMAGE_TAG where there is none", async () => {
    const tags = { ...tagged("1"), ...tagged("2") }
    const chosen = async (wish: object) => (await targets(fleet, tags, wish)).chosen.pc2
    expect(await chosen({ tag: "1", forced: "2" })).toEqual({ tag: "1", by: "tag" })
    expect(await chosen({ forced: "2" })).toEqual({ tag: "2", by: "environment" })
    expect((await targets(fleet, currentTags(), { forced: "" })).chosen.pc2).toEqual({ tag: "current", by: "current" })
  })

  it("is that of a host's pin there, and what was released last elsewhere", async () => {
    const tags = { ...currentTags(), ...tagged(pin().tag) }
    const { chosen, instances } = await targets(fleet, tags, { pins: { pc2: pin() } })
    expect(chosen).toMatchObject({ mainpc: { by: "current" }, pc2: { tag: pin().tag, by: "pin", pin: pin() } })
    const digests = instances.filter(({ service }) => service.name === "UnifiedObservabilityCenter")
    expect(digests.map(({ host, image }) => [host, image.digest])).toEqual([
      ["mainpc", digest("web")],
      ["pc2", digest(`web ${pin().tag}`)],
    ])
  })

  it("is a pin's on its last day, and no longer", async () => {
    const chosen = async (until: string) =>
      (await targets(fleet, { ...currentTags(), ...tagged(pin().tag) }, { pins: { pc2: pin({ until }) } })).chosen.pc2
    expect(await chosen("2026-11-22")).toMatchObject({ by: "pin" })
    expect(await chosen("2026-11-21")).toEqual({
      ...{ tag: "current", by: "current" },
      expired: pin({ until: "2026-11-21" }),
    })
  })

  it("is refused against a pin, with who pinned it and why", async () => {
    for (const [wish, where] of [
      [{ tag: "1" }, "--tag"],
      [{ forced: "1" }, "FORCE_IMAGE_TAG"],
    ] as const) {
      const problem = await refused(targets(fleet, tagged("1"), { ...wish, pins: { pc2: pin() } }))
      expect(problem.exitCode).toBe(2)
      expect(problem.message).toContain(`${where}: pc2 is pinned to 20261120-9d1c2aa, so 1 does not go there`)
      expect(problem.message).toMatch(/anna@laptop.*voice breaks on the next\n.*unpin --host pc2/)
    }
    const elsewhere = await targets(fleet, tagged("1"), { tag: "1", hosts: ["mainpc"], pins: { pc2: pin() } })
    expect(Object.keys(elsewhere.chosen)).toEqual(["mainpc"])
  })

  it.each(["-x", "a b", "$(id)", "a\nb", "", "x".repeat(129)])("is never looked up under the tag %j", async (tag) => {
    const registry = new Tags({})
    const looked = targetsOf(fleet, { yard: "demo", pins: {}, now, tag }, { registry, records: new MemoryStore() })
    expect((await refused(looked)).exitCode).toBe(2)
    expect(registry.asked).toEqual([])
  })
})

describe("images that are not there", () => {
  it("are named all at once, with how they come to be", async () => {
    const problem = await refused(targets(fleet, {}))
    expect(problem.exitCode).toBe(3)
    expect(problem.message).toContain(
      "reference-web:current, reference-cpu:current, reference-legacy:current: not in the registry",
    )
    expect(problem.message).toContain("fairlead ship --all")
  })

  it("are of no interest where no service that was asked for runs them", async () => {
    const only = { "reference-web:current": digest("web") }
    expect((await targets(fleet, only, { services: ["service_registry"] })).instances).toHaveLength(1)
  })
})

describe("services", () => {
  it("are refused where none of the hosts runs them, or nobody knows them", async () => {
    const wish = { hosts: ["pc2"], services: ["ServiceRegistry"] }
    expect((await refused(targets(fleet, currentTags(), wish))).message).toContain(
      "ServiceRegistry runs on none of pc2",
    )
    expect((await refused(targets(fleet, currentTags(), { services: ["Nobody"] }))).exitCode).toBe(2)
  })

  it("that run the stand-in stay away from a real yard unless they are asked for", async () => {
    const own: Fleet = {
      ...fleet,
      apps: { ...fleet.apps, voice: { ...fleet.apps.reference!, standIn: false } },
      services: { ...fleet.services, ServiceRegistry: { ...fleet.services.ServiceRegistry!, app: "voice" } },
    }
    const tags = { ...currentTags(), "voice-web:current": digest("voice") }
    const { instances, leftOut } = await targets(own, tags, { yard: "fleet.yaml" })
    expect(instances.map(({ service }) => service.name)).toEqual(["ServiceRegistry"])
    const all = (await targets(own, tags, { yard: "fleet.yaml", standIns: true })).instances
    expect(all).toHaveLength(leftOut.length + 1)
    expect((await targets(own, tags, { yard: "demo" })).leftOut).toEqual([])
  })
})
