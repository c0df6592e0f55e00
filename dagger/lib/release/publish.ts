import type { Artifact } from "../engine/engine.ts"
import { Problem } from "../problem.ts"
import type { Registry, Tagging } from "./registry.ts"

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
  const { family, tag, digest, fingerprint, archive, attest, sent } = release
  const [before, released] = await Promise.all([registry.digestOf(family, current), registry.digestOf(family, tag)])
  if (archive && !(await sent)) await registry.upload(family, archive, digest)
  await attest?.()
  const previous = before === digest ? await registry.digestOf(family, currentPrevious) : before
  if (released !== digest) {
    const first: Tagging[] = previous && previous !== digest ? [{ tag: previousTag(tag), digest: previous }] : []
    await registry.tag(family, [...first, { tag, digest }])
    await verify(registry, family, tag, digest)
  }
  await registry.tag(family, [
    // An image without an archive was found by this very tag.
    ...(archive ? [{ tag: fingerprintTag(fingerprint), digest }] : []),
    ...(before !== digest && before ? [{ tag: currentPrevious, digest: before }] : []),
    ...(before !== digest ? [{ tag: current, digest }] : []),
  ])
  return { digest, ...(previous && previous !== digest ? { previous } : {}) }
}

async function verify(registry: Registry, family: string, tag: string, digest: string): Promise<void> {
  const found = await registry.digestOf(family, tag)
  if (found === digest) return
  throw new Problem(`${family}:${tag} is ${found ?? "missing"}, not ${digest}`, {
    where: registry.address.host,
    why: "the registry answers another image than the one that was pushed",
    fix: "find out who else writes this tag, then run ship again",
  })
}
