import pLimit from "p-limit"
import { cacheRepository } from "../../dagger/lib/build/registry-cache.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import type { Registry } from "../../dagger/lib/release/registry.ts"
import { removeManifest, tagsOf } from "../../dagger/lib/release/tags.ts"
import type { PruneDocument } from "../../dagger/lib/report/prune.ts"
import { oldCaches } from "../../dagger/lib/rollout/prune/caches.ts"
import { neededOn } from "../../dagger/lib/rollout/prune/host.ts"
import { type PrunableManifest, prunableIn } from "../../dagger/lib/rollout/prune/registry.ts"
import type { OpenRegistry } from "../open-registry.ts"
import { recordsOf } from "../yard.ts"
import type { OpenHosts } from "./hosts.ts"
import { everyYard } from "./operations.ts"
import type { Looked } from "./prune-hosts.ts"

/** Removes old releases by what every host needs: those of this yard as just seen, those of others as last recorded. */
export async function pruneRegistry(
  { chosen }: OpenHosts,
  { registry }: OpenRegistry,
  { looked, dryRun, names }: { looked: readonly Looked[]; dryRun: boolean; names: readonly string[] },
): Promise<PruneDocument["registry"]["manifests"]> {
  const { fleet, yard } = chosen
  const on = looked.flatMap((each) => each.on ?? [])
  const others = (await everyYard(fleet)).filter((each) => each.yard !== yard)
  const keeps = {
    keep: fleet.policy.rollout.keepReleases,
    digests: new Set([
      ...on.flatMap((each) => [...neededOn(each)]),
      ...others.flatMap(({ rolledOut }) => rolledOut.map(({ digest }) => digest)),
    ]),
    pins: new Set([
      ...on.flatMap(({ look }) => look.pin?.tag ?? []),
      ...others.flatMap(({ pinned }) => pinned.map(({ tag }) => tag)),
    ]),
  }
  const records = recordsOf(registry.address)
  const side = pLimit(3)
  const found = names.map((image) =>
    side(async () => {
      const [tags, releases] = await Promise.all([tagsOf(registry, image), records.releases(image)])
      return prunableIn({ image, tags }, { ...keeps, releases })
    }),
  )
  return removedFrom(registry, (await Promise.all(found)).flat(), dryRun)
}

/** Removes build caches that are older than the policy says. No host needs one, so none has to be asked. */
export async function pruneCaches(
  { fleet, now }: { fleet: Fleet; now: Date },
  { registry }: OpenRegistry,
  dryRun: boolean,
): Promise<PruneDocument["registry"]["manifests"]> {
  const tags = await tagsOf(registry, cacheRepository)
  const side = pLimit(3)
  const manifests = tags.map(({ digest }) =>
    side(async () => [digest, await registry.manifest(cacheRepository, digest)] as const),
  )
  const { maxAgeDays } = fleet.policy.registryCache
  const old = oldCaches({ image: cacheRepository, tags }, new Map(await Promise.all(manifests)), { maxAgeDays, now })
  return removedFrom(registry, old, dryRun)
}

function removedFrom(
  registry: Registry,
  manifests: readonly PrunableManifest[],
  dryRun: boolean,
): Promise<PruneDocument["registry"]["manifests"]> {
  const side = pLimit(3)
  const removed = manifests.map((each) =>
    side(async () => {
      if (dryRun) return { ...each, removed: false }
      const why = await removeManifest(registry, each.image, each.digest)
      return { ...each, removed: why === undefined, ...(why !== undefined && { why }) }
    }),
  )
  return Promise.all(removed)
}
