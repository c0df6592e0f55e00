import { digestsOf } from "./digests.ts"
import type { Registry } from "./registry.ts"
import type { Tagging } from "./set-tags.ts"

/** Tags that Fairlead keeps beside the releases': what is released now, and what was before it. */
export const current = "current"
const currentPrevious = "current-prev"

export const previousTag = (tag: string): string => `${tag}-prev`
export const fingerprintTag = (fingerprint: string): string => `fp-${fingerprint}`

/** An image that the registry has, with its record. */
export interface Release {
  family: string
  tag: string
  digest: string
  /** Of one that is new there; others were found by it. */
  fingerprint?: string
}

export interface Published {
  digest: string
  /** What `<tag>-prev` points to; none for a family's first release. */
  previous?: string
}

/**
 * Gives images their tags, however many with two steps, so that a run cut off at any point leaves the old release whole and
 * the next run finishes: `<tag>-prev`; then `<tag>`, the moment of release; the pointers last. Their bytes and records are
 * there before, without a name, so a tag that anybody can see always has its record. Answers in their order.
 * `<tag>-prev` is what was current before, and never the new digest itself.
 */
export async function publish(registry: Registry, releases: readonly Release[]): Promise<Published[]> {
  const all = await taggings(registry, releases)
  await registry.tag(...all.map(({ family, first, found, last }) => ({ family, tags: [...first, ...found, ...last] })))
  return all.map(({ published }) => published)
}

interface Tags {
  family: string
  /** The tags that make the release, none where it is made. */
  first: Tagging[]
  /** The one that later runs find it by. */
  found: Tagging[]
  /** The pointers. */
  last: Tagging[]
  published: Published
}

/** What is to be tagged, by where the tags point now. */
async function taggings(registry: Registry, releases: readonly Release[]): Promise<Tags[]> {
  const names = releases.flatMap(({ family, tag }) =>
    [current, tag, currentPrevious].map((each) => ({ family, tag: each })),
  )
  const digests = await digestsOf(registry, names)
  return releases.map(({ family, tag, digest, fingerprint }, index) => {
    const [before, released, older] = digests.slice(index * 3, index * 3 + 3)
    const previous = before === digest ? older : before
    const other = previous === digest ? undefined : previous
    const release = { tag, digest, check: true }
    return {
      family,
      first: released === digest ? [] : [...(other ? [{ tag: previousTag(tag), digest: other }] : []), release],
      found: fingerprint === undefined ? [] : [{ tag: fingerprintTag(fingerprint), digest }],
      last: [
        ...(before !== digest && before ? [{ tag: currentPrevious, digest: before }] : []),
        ...(before !== digest ? [{ tag: current, digest }] : []),
      ],
      published: { digest, ...(other ? { previous: other } : {}) },
    }
  })
}
