import { z } from "zod"
import { indexSchema } from "../attest/artifact.ts"
import { tagOf } from "../attest/referrers.ts"
import { digestsOf } from "./digests.ts"
import type { Registry } from "./registry.ts"

/** "20261122-abc1234", as `ship` names releases. */
export const releaseTag = /^\d{8}-[0-9a-f]{7,40}(?:-dirty)?$/

/** The tags of an image with their digests; none where the registry has no such repository. Lists of records are left out. */
export async function tagsOf(registry: Registry, image: string): Promise<{ tag: string; digest: string }[]> {
  const repository = registry.ref(image, "").slice(0, -1)
  const step = registry.step(`list tags of ${image}`, ["list-tags", ...registry.tls(""), repository])
  const ran = await registry.engine.run(step)
  if (ran.exitCode !== 0) {
    if (/name unknown|repository name not known|not found/i.test(ran.stderr)) return []
    throw registry.failed(step, ran)
  }
  const tags = z.object({ Tags: z.array(z.string()) }).parse(JSON.parse(ran.stdout)).Tags
  const wanted = tags.filter((tag) => !/^sha256-[0-9a-f]{64}/.test(tag))
  const digests = await digestsOf(
    registry,
    wanted.map((tag) => ({ family: image, tag })),
  )
  return wanted.flatMap((tag, index) => (digests[index] === undefined ? [] : [{ tag, digest: digests[index] }]))
}

/** Removes a manifest with what is attached to it. Undefined where it is gone; else why the registry keeps it. */
export async function removeManifest(registry: Registry, image: string, digest: string): Promise<string | undefined> {
  const list = await registry.manifest(image, tagOf(digest))
  const attached = list === undefined ? [] : attachedIn(list)
  // The image last: cut off before it, the next run finds it again by its tags, and what belongs to it.
  const names = [...attached.map((each) => registry.refByDigest(image, each))]
  if (list !== undefined) names.push(registry.ref(image, tagOf(digest)))
  for (const ref of [...names, registry.refByDigest(image, digest)]) {
    const why = await remove(registry, image, ref)
    if (why !== undefined) return why
  }
  return undefined
}

function attachedIn(list: string): string[] {
  try {
    return indexSchema.parse(JSON.parse(list)).manifests.map(({ digest }) => digest)
  } catch {
    return []
  }
}

async function remove(registry: Registry, image: string, ref: string): Promise<string | undefined> {
  const step = registry.step(`remove from ${image}`, ["delete", ...registry.tls(""), ref])
  const ran = await registry.engine.run(step)
  if (ran.exitCode === 0 || /manifest unknown|not found|name unknown/i.test(ran.stderr)) return undefined
  if (/unsupported|405|method not allowed|denied|unauthorized|authentication required|forbidden/i.test(ran.stderr))
    return `${registry.address.host} refuses it`
  throw registry.failed(step, ran)
}
