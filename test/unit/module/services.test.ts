import { describe, expect, it } from "vitest"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { byPort, daggerEngine, registryOf, type Site, withCacheInReach } from "../../../dagger/lib/module/yard.ts"
import { changed, small } from "../fleet/small.ts"

const service = (port: number) => ({ endpoint: async () => `a1b2c3:${port}` }) as unknown as Site["registryService"]
const site = (more: Record<string, unknown>) => more as unknown as Site
const dag = { container: () => ({ import_: () => ({}) }) }
const toolbox = { entries: async () => ["build-0.tar"], file: () => ({}) }
const auth = {} as Site["registryAuth"]

const onLoopback = parseFleet(small)
const elsewhere = parseFleet(changed('host: "127.0.0.1:5000"', "host: ghcr.io"))

describe("services that a call brought along", () => {
  it("are told apart by the port at which each of them answers", async () => {
    const services = ["a1b2c3:22001", "d4e5f6.dagger.local:22002"].map((at) => ({ endpoint: async () => at }))
    const found = await byPort(services)
    expect([...found.keys()]).toEqual([22001, 22002])
    expect(found.get(22002)).toBe(services[1])
    expect(found.get(5000)).toBeUndefined()
  })

  it("are never taken for what answers at another port", async () => {
    const engine = daggerEngine(site({ dag, toolbox, registryService: service(5000) }))
    const step = {
      name: "ask",
      image: "toolbox:build",
      argv: ["true"],
      services: { mirror: { callerPort: 8080 } },
    } as const
    await expect(engine.run(step)).rejects.toThrow("the registry on port 8080 of your loopback is not reachable")
  })
})

describe("the registry of a call", () => {
  it("is the one that it names, whatever else came along", async () => {
    const named = { registry: "127.0.0.1:5001/other", registryService: service(5001), registryAuth: auth }
    expect(await registryOf(named, elsewhere)).toEqual({ host: "127.0.0.1:5001", org: "other" })
  })

  it("is the one on loopback that came along where no credentials came for fleet.yaml's", async () => {
    expect(await registryOf({ registryService: service(5055) }, elsewhere)).toMatchObject({ host: "127.0.0.1:5055" })
    expect(await registryOf({ registryService: service(5055), registryAuth: auth }, elsewhere)).toBe(elsewhere.registry)
    expect(await registryOf({}, elsewhere)).toBe(elsewhere.registry)
    expect(await registryOf({ registryService: service(5055) }, onLoopback)).toBe(onLoopback.registry)
  })

  it("holds a build cache only where the call can reach it", () => {
    const use = (fleet: typeof elsewhere, brought: Parameters<typeof withCacheInReach>[2]) =>
      withCacheInReach(fleet, fleet.registry, brought).policy.registryCache.use
    expect(use(elsewhere, {})).toBe("off")
    expect(use(elsewhere, { registryAuth: auth })).toBe("auto")
    expect(use(elsewhere, { registry: "ghcr.io" })).toBe("auto")
    const wanted = parseFleet(
      changed("registryCache: { maxAgeDays: 30 }", "registryCache: { maxAgeDays: 30, use: on }"),
    )
    expect(use(wanted, {})).toBe("off")
    expect(use(wanted, { registryService: service(5000) })).toBe("on")
  })
})
