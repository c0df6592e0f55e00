import pLimit from "p-limit"
import { removeManifest, tagsOf } from "../../dagger/lib/release/tags.ts"
import type { PruneDocument } from "../../dagger/lib/report/prune.ts"
import { neededOn } from "../../dagger/lib/rollout/prune/host.ts"
import { prunableIn } from "../../dagger/lib/rollout/prune/registry.ts"
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
  const manifests = (await Promise.all(found)).flat()
  if (dryRun) return manifests.map((each) => ({ ...each, removed: false }))
  const removed = manifests.map((each) =>
    side(async () => {
      const why = await removeManifest(registry, each.image, each.digest)
      return { ...each, removed: why === undefined, ...(why !== undefined && { why }) }
    }),
  )
  return Promise.all(removed)
}
