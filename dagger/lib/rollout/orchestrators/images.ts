import { imageNameOf } from "../../fleet/apps.ts"
import type { Fleet } from "../../fleet/fleet.ts"
import type { NamedService } from "../../fleet/service.ts"
import { wrongInput } from "../../problem.ts"
import { current } from "../../release/publish.ts"
import { type RegistryAddress, repository } from "../../release/registry.ts"
import type { PublishedRelease } from "../../release/store.ts"
import type { ImageReference } from "../service.ts"

export interface Tagged {
  registry: RegistryAddress
  tag: string
  /** What was published, the newest first: images are named by digest as well. Default: by the tag alone. */
  releases?: readonly PublishedRelease[]
}

/** The image of each service under one tag. Throws a Problem (exit code 2) for one that was never released under it. */
export function imagesTagged(fleet: Fleet, { registry, tag, releases }: Tagged): (of: NamedService) => ImageReference {
  return (service) => {
    const name = imageNameOf(fleet, service)
    const ref = `${repository(registry, name)}:${tag}`
    if (!releases) return { image: ref }
    const release = releases.find((each) => each.family === name && (tag === current || each.tag === tag))
    if (release) return { image: `${ref}@${release.digest}` }
    throw wrongInput(`${ref} is not among the releases of this machine`, {
      where: "--digests",
      fix: `ship it (fairlead ship --service ${service.name}), name another --tag, or leave --digests out`,
    })
  }
}
