import { z } from "zod"
import type { PrunableManifest, Tagged } from "./registry.ts"

const cacheSchema = z.looseObject({
  layers: z.array(z.looseObject({ annotations: z.record(z.string(), z.string()).optional() })),
})

/** When BuildKit made a layer. A registry itself does not say when it got anything. */
const madeAt = "buildkit/createdat"

/**
 * Build caches whose newest layer is older than the policy lets them be. What does not say how old it is stays: somebody else
 * may have put it there.
 */
export function oldCaches(
  { image, tags }: Tagged,
  manifests: ReadonlyMap<string, string | undefined>,
  { maxAgeDays, now }: { maxAgeDays: number; now: Date },
): PrunableManifest[] {
  const oldest = now.getTime() - maxAgeDays * 86_400_000
  return [...new Set(tags.map(({ digest }) => digest))].flatMap((digest) => {
    const made = newestIn(manifests.get(digest))
    if (made === undefined || made >= oldest) return []
    return [{ image, digest, tags: tags.filter((each) => each.digest === digest).map(({ tag }) => tag) }]
  })
}

function newestIn(manifest: string | undefined): number | undefined {
  const read = cacheSchema.safeParse(json(manifest))
  const times = (read.data?.layers ?? []).map(({ annotations }) => Date.parse(annotations?.[madeAt] ?? ""))
  const known = times.filter((each) => !Number.isNaN(each))
  return known.length > 0 ? Math.max(...known) : undefined
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "")
  } catch {
    return undefined
  }
}
