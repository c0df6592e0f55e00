import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed } from "../fleet/hierarchy.ts"
import type { BakeFile } from "../plan/bake.ts"
import { hostInside, isLoopback, type RegistryAddress } from "../release/registry.ts"
import { packed } from "./buildkit.ts"

/**
 * The repository with the build caches, one tag for each family and builder. One for all of them, so that a parent's layers, which are
 * in each child's cache, too, are there once. No family can have this name: it is no DNS label.
 */
export const cacheRepository = "build_cache"

/** Whether builds read and releases write a cache there: on loopback, BuildKit's own is on the same disk already. */
export const usesRegistryCache = ({ policy }: Fleet, registry: RegistryAddress): boolean =>
  policy.registryCache.use === "auto" ? !isLoopback(registry) : policy.registryCache.use === "on"

/** The same fleet with no cache there: whoever builds cannot reach it. */
export const withoutRegistryCache = (fleet: Fleet): Fleet => ({
  ...fleet,
  policy: { ...fleet.policy, registryCache: { ...fleet.policy.registryCache, use: "off" } },
})

const refOf = (registry: RegistryAddress, target: string): string =>
  `${hostInside(registry)}/${registry.org}/${cacheRepository}:${target}`

/** Every target reads its own cache, and those of what it is made with: one of them may be younger. */
export function readingCaches(file: BakeFile, fleet: Fleet, registry: RegistryAddress): BakeFile {
  const builders = ({ contexts = {} }: BakeFile["target"][string]) =>
    Object.keys(fleet.builders).filter((name) => contexts[name] === `target:${name}`)
  return withEach(file, (name, target) => ({
    "cache-from": [name, ...builders(target)].map((each) => `type=registry,ref=${refOf(registry, each)}`),
  }))
}

/**
 * The same targets, to nothing but their caches: what they make is in BuildKit from the build before. Builders get one of
 * their own, for families that do not keep the layers of all stages; where one does, they are there already.
 */
export function writingCaches(
  file: BakeFile,
  family: string,
  { fleet, registry }: { fleet: Fleet; registry: RegistryAddress },
): BakeFile {
  const targets = Object.keys(file.target).filter((name) => name === family || name in fleet.builders)
  const asked = withEach(file, (name) =>
    targets.includes(name) ? { output: ["type=cacheonly"], "cache-to": [cacheTo(fleet, registry, name)] } : {},
  )
  return { ...asked, group: { default: { targets } } }
}

/** Packed as images are, so that no layer is packed twice; as an image's manifest, which every registry takes. */
function cacheTo(fleet: Fleet, registry: RegistryAddress, target: string): string {
  const { minAbove } = fleet.policy.registryCache
  const size = imageNamed(fleet, target)?.budget.compressed ?? 0
  const mode = minAbove !== undefined && size > minAbove ? "min" : "max"
  return `type=registry,ref=${refOf(registry, target)},mode=${mode},image-manifest=true,oci-mediatypes=true,${packed}`
}

const withEach = (
  file: BakeFile,
  more: (name: string, target: BakeFile["target"][string]) => Partial<BakeFile["target"][string]>,
): BakeFile => ({
  ...file,
  target: Object.fromEntries(
    Object.entries(file.target).map(([name, each]) => [name, { ...each, ...more(name, each) }]),
  ),
})
