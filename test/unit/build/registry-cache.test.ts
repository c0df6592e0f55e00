import { describe, expect, it } from "vitest"
import { readingCaches, usesRegistryCache, writingCaches } from "../../../dagger/lib/build/registry-cache.ts"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import type { BakeFile, BakeTarget } from "../../../dagger/lib/plan/bake.ts"
import { smallFleet } from "../../fleets/small.ts"

const far = { host: "ghcr.io", org: "small" }
const loopback = { host: "127.0.0.1:5000", org: "small" }

const fleetWith = (registryCache: Partial<Fleet["policy"]["registryCache"]>): Fleet => {
  const fleet = smallFleet()
  Object.assign(fleet.policy.registryCache, registryCache)
  return fleet
}

const target = (...linked: string[]): BakeTarget => ({
  ...{ context: ".", dockerfile: "Dockerfile", platforms: ["linux/amd64"] },
  contexts: Object.fromEntries(linked.map((name) => [name, `target:${name}`])),
})
const file: BakeFile = {
  group: { default: { targets: ["top"] } },
  target: { bottom: target(), maker: target(), middle: target("bottom", "maker"), top: target("middle") },
}

describe("the build cache in the registry", () => {
  it("is used unless the registry is on loopback, where fleet.yaml says nothing else", () => {
    const uses = (use: "auto" | "on" | "off") =>
      [far, loopback].map((registry) => usesRegistryCache(fleetWith({ use }), registry))
    expect([uses("auto"), uses("on"), uses("off")]).toEqual([
      [true, false],
      [true, true],
      [false, false],
    ])
    expect(smallFleet().policy.registryCache.use).toBe("auto")
  })

  it("is read by each target from its own and those of its builders", () => {
    const { target: read } = readingCaches(file, smallFleet(), far)
    const from = (...families: string[]) =>
      families.map((family) => `type=registry,ref=ghcr.io/small/build_cache:${family}`)
    expect(Object.entries(read).map(([name, each]) => [name, each["cache-from"]])).toEqual([
      ["bottom", from("bottom")],
      ["maker", from("maker")],
      ["middle", from("middle", "maker")],
      ["top", from("top")],
    ])
  })

  it("is written by what was built and its builder, and by nothing else, packed as images are", () => {
    const written = writingCaches(file, "middle", { fleet: smallFleet(), registry: loopback })
    expect(written.group.default.targets).toEqual(["maker", "middle"])
    const writing = Object.keys(written.target).filter((name) => written.target[name]!["cache-to"])
    expect(writing).toEqual(["maker", "middle"])
    expect(written.target.middle).toMatchObject({
      output: ["type=cacheonly"],
      "cache-to": [
        "type=registry,ref=registry:5000/small/build_cache:middle,mode=max,image-manifest=true,oci-mediatypes=true,compression=zstd,force-compression=true,compression-level=7",
      ],
    })
  })

  it("keeps the layers of the image only, for families that are larger than fleet.yaml says", () => {
    const modes = [30e6, 40e6].map((minAbove) => {
      const fleet = fleetWith({ minAbove })
      const { target: written } = writingCaches(file, "middle", { fleet, registry: far })
      return /mode=\w+/.exec(written.middle!["cache-to"]![0]!)![0]
    })
    expect(modes).toEqual(["mode=min", "mode=max"])
  })
})
