import type { Artifact } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed } from "../fleet/hierarchy.ts"
import type { BakeFile } from "../plan/bake.ts"
import { hostInside, isLoopback, Registry, type RegistryAddress } from "../release/registry.ts"
import type { Yard } from "../yard.ts"

/**
 * The very image that a child stands on, by its digest: what was built and sealed before it in this run, or what the
 * registry has. BuildKit leaves the layers of such an image as they are, so a child's own layers are all that is packed for
 * it, and it shares every byte of its parent with the parent's release.
 */
export interface Parent {
  family: string
  digest: string
  /** An OCI image layout; without one BuildKit pulls the image from the registry. */
  layout?: Artifact
}

/**
 * A parent that the registry has. BuildKit pulls it by itself, and only what it does not have; but no more than that can it
 * reach any registry on a loopback, which steps can.
 */
export async function releasedParent(yard: Yard, family: string, digest: string): Promise<Parent> {
  if (!isLoopback(yard.registry)) return { family, digest }
  const registry = new Registry(yard.engine, yard.registry, yard.auth)
  return { family, digest, layout: await registry.downloadLayout(family, digest) }
}

const folderOf = ({ family }: Parent): string => `/parents/${family}`

/** What the step that bakes has to have of it. */
export const parentInputs = (parent?: Parent): Record<string, Artifact> =>
  parent?.layout ? { [folderOf(parent)]: parent.layout } : {}

const contextOf = (parent: Parent, registry: RegistryAddress): string =>
  parent.layout
    ? `oci-layout://${folderOf(parent)}@${parent.digest}`
    : `docker-image://${hostInside(registry)}/${registry.org}/${parent.family}@${parent.digest}`

/** One family out of the bake file of all: its builders stay linked targets, its parent is what was sealed before. */
export function onParent(
  { target }: BakeFile,
  family: string,
  { parent, fleet, registry }: { parent?: Parent; fleet: Fleet; registry: RegistryAddress },
): BakeFile {
  const builders = Object.entries(target).filter(([name]) => !imageNamed(fleet, name))
  const own = target[family]!
  const contexts = { ...own.contexts, ...(parent ? { [parent.family]: contextOf(parent, registry) } : {}) }
  return {
    group: { default: { targets: [family] } },
    target: { ...neededBy(contexts, Object.fromEntries(builders)), [family]: { ...own, contexts } },
  }
}

/** The targets that are linked, and those that these link in turn. */
function neededBy(contexts: Record<string, string>, targets: BakeFile["target"]): BakeFile["target"] {
  const linked = Object.values(contexts).flatMap((context) => /^target:(.+)$/.exec(context)?.[1] ?? [])
  return Object.assign(
    {},
    ...linked.map((name) => ({ ...neededBy(targets[name]?.contexts ?? {}, targets), [name]: targets[name]! })),
  )
}
