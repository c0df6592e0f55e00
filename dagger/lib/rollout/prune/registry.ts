import { releaseTag } from "../../release/tags.ts"

/** An image's tags in a registry, each with the digest that it points to. */
export interface Tagged {
  image: string
  tags: readonly { tag: string; digest: string }[]
}

export interface RegistryKeeps {
  /** policy.rollout.keepReleases. */
  keep: number
  /** Digests that a host runs, goes back to or is pinned at. */
  digests: ReadonlySet<string>
  /** Tags that a host is pinned at. */
  pins: ReadonlySet<string>
  /** What was published of this image by the records of this machine, in any order. */
  releases: readonly { tag: string; at: string }[]
}

/** One manifest that may go. A registry removes manifests, and every tag that points to one goes with it. */
export interface PrunableManifest {
  image: string
  digest: string
  tags: string[]
}

/**
 * What may go of an image: manifests that only old releases, their -prev and fingerprints point to. Kept is what is current,
 * what was before, the newest releases with their -prev, what any host needs, and whatever bears a tag that is none of
 * Fairlead's.
 */
export function prunableIn({ image, tags }: Tagged, keeps: RegistryKeeps): PrunableManifest[] {
  const kept = keptReleases(tags, keeps)
  const old = ({ tag }: Tagged["tags"][number]) => {
    if (fingerprint.test(tag)) return true
    const release = tag.replace(/-prev$/, "")
    return releaseTag.test(release) && !kept.has(release)
  }
  const digests = new Set([...keeps.digests, ...tags.filter((each) => !old(each)).map(({ digest }) => digest)])
  const gone = new Map<string, string[]>()
  for (const { tag, digest } of tags) if (!digests.has(digest)) gone.set(digest, [...(gone.get(digest) ?? []), tag])
  return [...gone].map(([digest, tags]) => ({ image, digest, tags: tags.sort() }))
}

const fingerprint = /^fp-[0-9a-f]+$/

/**
 * The newest by the time of publishing; one that this machine did not publish counts as of the end of the day that it is
 * named after, so that it is rather kept than not.
 */
function keptReleases(tags: Tagged["tags"], { keep, pins, releases }: RegistryKeeps): Set<string> {
  const published = new Map<string, string>()
  for (const { tag, at } of releases) if (at > (published.get(tag) ?? "")) published.set(tag, at)
  const dayOf = (tag: string) => `${tag.slice(0, 4)}-${tag.slice(4, 6)}-${tag.slice(6, 8)}T23:59:59.999Z`
  const named = tags
    .map(({ tag }) => tag)
    .filter((tag) => releaseTag.test(tag))
    .map((tag) => ({ tag, at: published.get(tag) ?? dayOf(tag) }))
    .sort((one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : 0))
  return new Set([...named.slice(0, keep).map(({ tag }) => tag), ...pins])
}
