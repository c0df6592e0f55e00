import { Problem } from "../problem.ts"
import { patient } from "./patience.ts"
import type { Registry } from "./registry.ts"

/** A tag, and the digest that it is to point to. */
export interface Tagging {
  tag: string
  digest: string
  /** What the registry answers for it is compared before another tag of the image is set. */
  check?: boolean
}

/** An image and its tags, in the order in which they are to show. */
export interface ImageTags {
  family: string
  tags: readonly Tagging[]
}

/**
 * Lets tags point to digests that are there already: an image's one after the other, a manifest upload each. Throws a
 * Problem where the registry answers something else for a tag that is to be checked, and StepError where it fails.
 */
export async function setTags(registry: Registry, images: readonly ImageTags[]): Promise<void> {
  const asked = images.filter(({ tags }) => tags.length > 0)
  if (asked.length === 0) return
  const [one] = asked.length === 1 ? asked : []
  const about = one ? `${one.family}:${one.tags.map(({ tag }) => tag).join(", ")}` : `${asked.length} images`
  const words = asked.flatMap(({ family, tags }) => [
    String(tags.length),
    ...tags.flatMap(({ tag, digest, check }) => [
      ...[registry.name(family, digest), registry.name(family, tag), check ? digest : "-"],
    ]),
  ])
  const asking = patient(registry.tags(`tag ${about}`, ["set", ...words]))
  const ran = await registry.engine.run(asking)
  if (ran.exitCode !== 0) throw otherImage(registry, asked, ran.stdout) ?? registry.failed(asking, ran)
}

/** What the step says where the registry answers another image than was pushed. */
function otherImage(registry: Registry, images: readonly ImageTags[], said: string): Problem | undefined {
  const [, ref, found] = /^other (\S+) (\S+)$/m.exec(said) ?? []
  const all = images.flatMap(({ family, tags }) => tags.map((each) => ({ family, ...each })))
  const asked = all.find(({ family, tag }) => ref === registry.name(family, tag))
  if (!asked) return undefined
  return new Problem(`${asked.family}:${asked.tag} is ${found}, not ${asked.digest}`, {
    where: registry.address.host,
    why: "the registry answers another image than the one that was pushed",
    fix: "find out who else writes this tag, then run ship again",
  })
}
