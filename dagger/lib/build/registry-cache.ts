import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed, lineage } from "../fleet/hierarchy.ts"
import type { BakeFile } from "../plan/bake.ts"
import { hostInside, isLoopback, type RegistryAddress } from "../release/registry.ts"
import { packed } from "./buildkit.ts"

/**
 * The repository with the build caches, one tag for each family. One for all of them, so that a parent's layers, which are
 * in each child's cache, too, are there once. No family can have this name: it is no DNS label.
 */
export const cacheRepository = "build_cache"

/** Whether builds read and releases write a cache there: on loopback, BuildKit's own is on the same disk already. */
export const usesRegistryCache = ({ policy }: Fleet, registry: RegistryAddress): boolean =>
  policy.registryCache.use === "auto" ? !isLoopback(registry) : policy.registryCache.use === "on"

const refOf = (registry: RegistryAddress, family: string): string =>
  `${hostInside(registry)}/${registry.org}/${cacheRepository}:${family}`

/**
 * Every target reads the caches of the families that it is part of: a family its own and those of what it stands on, of
 * which one may be younger; a builder those of the families that use it.
 */
export function readingCaches(file: BakeFile, fleet: Fleet, registry: RegistryAddress): BakeFile {
  const families = Object.keys(file.target).filter((name) => !(name in fleet.builders))
  const users = (builder: string) =>
    families.filter((name) => Object.values(file.target[name]!.contexts ?? {}).includes(`target:${builder}`))
  const line = (family: string) =>
    lineage(fleet, family)
      .map(({ name }) => name)
      .reverse()
  return withEach(file, (name) => ({
    "cache-from": (name in fleet.builders ? users(name) : line(name)).map(
      (family) => `type=registry,ref=${refOf(registry, family)}`,
    ),
  }))
}

/** The same targets, to nothing but their caches: what they make is in BuildKit from the build before. */
export function writingCaches(
  file: BakeFile,
  families: readonly string[],
  { fleet, registry }: { fleet: Fleet; registry: RegistryAddress },
): BakeFile {
  const asked = withEach(file, (name) =>
    families.includes(name) ? { output: ["type=cacheonly"], "cache-to": [cacheTo(fleet, registry, name)] } : {},
  )
  return { ...asked, group: { default: { targets: [...families] } } }
}

/** Packed as images are, so that no layer is packed twice; as an image's manifest, which every registry takes. */
function cacheTo(fleet: Fleet, registry: RegistryAddress, family: string): string {
  const { minAbove } = fleet.policy.registryCache
  const size = imageNamed(fleet, family)?.budget.compressed ?? 0
  const mode = minAbove !== undefined && size > minAbove ? "min" : "max"
  return `type=registry,ref=${refOf(registry, family)},mode=${mode},image-manifest=true,oci-mediatypes=true,${packed}`
}

const withEach = (file: BakeFile, more: (name: string) => Partial<BakeFile["target"][string]>): BakeFile => ({
  ...file,
  target: Object.fromEntries(Object.entries(file.target).map(([name, each]) => [name, { ...each, ...more(name) }])),
})
