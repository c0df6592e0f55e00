import type { Artifact } from "../engine/engine.ts"
import { digestsOf } from "./digests.ts"
import type { Registry } from "./registry.ts"
import type { Tagging } from "./set-tags.ts"

/** Tags that Fairlead keeps beside the releases': what is released now, and what was before it. */
export const current = "current"
const currentPrevious = "current-prev"

export const previousTag = (tag: string): string => `${tag}-prev`
export const fingerprintTag = (fingerprint: string): string => `fp-${fingerprint}`

export interface Release {
  family: string
  tag: string
  digest: string
  fingerprint: string
  /** The archive with that digest; none when the registry has it already. */
  archive?: Artifact
  /** Whether its bytes went up already, without a name, while others were built. */
  sent?: Promise<boolean>
  /** Attaches what is known of the image to its digest. */
  attest?: () => Promise<void>
}

export interface Published {
  digest: string
  /** What `<tag>-prev` points to; none for a family's first release. */
  previous?: string
}

/**
 * Publishes one image so that a run cut off at any point leaves the old release whole and the next run finishes:
 * the bytes first, without a name; then its record; then `<tag>-prev`; then `<tag>`, the moment of release; the pointers
 * last. A tag that anybody can see thus always has its record.
 * `<tag>-prev` is what was current before, and never the new digest itself.
 */
export async function publish(registry: Registry, release: Release): Promise<Published> {
  const { family, digest, fingerprint, archive, attest, sent } = release
  const [{ first, last, published }] = (await taggings(registry, [release])) as [Tags]
  if (archive && !(await sent)) await registry.upload(family, archive, digest)
  await attest?.()
  // An image without an archive was found by this very tag.
  const found: Tagging[] = archive ? [{ tag: fingerprintTag(fingerprint), digest }] : []
  await registry.tag({ family, tags: [...first, ...found, ...last] })
  return published
}

/** The same of images that the registry has, with their records: all of them with two steps. Answers in their order. */
export async function republish(registry: Registry, releases: readonly Named[]): Promise<Published[]> {
  const all = await taggings(registry, releases)
  await registry.tag(...all.map(({ family, first, last }) => ({ family, tags: [...first, ...last] })))
  return all.map(({ published }) => published)
}

type Named = Pick<Release, "family" | "tag" | "digest">

interface Tags {
  family: string
  /** The tags that make the release, none where it is made. */
  first: Tagging[]
  /** The pointers. */
  last: Tagging[]
  published: Published
}

/** What is to be tagged, by where the tags point now. */
async function taggings(registry: Registry, releases: readonly Named[]): Promise<Tags[]> {
  const names = releases.flatMap(({ family, tag }) =>
    [current, tag, currentPrevious].map((each) => ({ family, tag: each })),
  )
  const digests = await digestsOf(registry, names)
  return releases.map(({ family, tag, digest }, index) => {
    const [before, released, older] = digests.slice(index * 3, index * 3 + 3)
    const previous = before === digest ? older : before
    const other = previous === digest ? undefined : previous
    const release = { tag, digest, check: true }
    return {
      family,
      first: released === digest ? [] : [...(other ? [{ tag: previousTag(tag), digest: other }] : []), release],
      last: [
        ...(before !== digest && before ? [{ tag: currentPrevious, digest: before }] : []),
        ...(before !== digest ? [{ tag: current, digest }] : []),
      ],
      published: { digest, ...(other ? { previous: other } : {}) },
    }
  })
}
