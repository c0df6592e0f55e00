import type { Layer } from "../../release/layers.ts"
import { layersOf } from "../../release/layers.ts"
import { digestIn } from "../../release/reference.ts"
import type { KnownRecords } from "../../release/store.ts"
import type { HostLook } from "../host/look.ts"
import { imageName } from "../host/names.ts"
import type { PlanInput, PlannedService, Pull } from "./plan.ts"

/** What a host has to fetch: layers that it has by another image, or that two images share, count once or not at all. */
export function pullFor(services: readonly PlannedService[], look: HostLook, layers: PlanInput["layers"]): Pull {
  const images = new Set(
    services.filter(({ action }) => action !== "unchanged" && action !== "finish").map(({ to }) => to.image),
  )
  const missing = [...images].filter((image) => !look.images.includes(image))
  const known = (image: string): readonly Layer[] | undefined => layers[digestIn(image) ?? ""]
  const there = new Set(look.images.flatMap((image) => known(image) ?? []).map(({ digest }) => digest))
  const wanted = new Map(
    missing
      .flatMap((image) => known(image) ?? [])
      .filter(({ digest }) => !there.has(digest))
      .map(({ digest, compressed }) => [digest, compressed]),
  )
  return {
    images: missing,
    bytes: [...wanted.values()].reduce((sum, each) => sum + each, 0),
    unknown: missing.filter((image) => !known(image)),
  }
}

/** The layers of images by digest, as far as records tell: of what is wanted, and of what hosts have. */
export async function layersKnown(
  records: Pick<KnownRecords, "byDigest">,
  images: Iterable<{ digest: string; image?: string }>,
): Promise<Record<string, Layer[]>> {
  const names = new Map([...images].map(({ digest, image }) => [digest, image]))
  const found = await Promise.all(
    [...names].map(async ([digest, image]) => [digest, await records.byDigest(digest, image)] as const),
  )
  return Object.fromEntries(found.flatMap(([digest, record]) => (record ? [[digest, layersOf(record)]] : [])))
}

/** A fleet's own images on hosts; others share no layers that records know. */
export const imagesOn = (looks: readonly HostLook[], registry: string): string[] =>
  looks.flatMap(({ images }) => images.filter((image) => image.startsWith(`${registry}/`)))

/** "127.0.0.1:5000/my-fleet/reference-web@sha256:…" as records know it. */
export const byName = (image: string): { digest: string; image: string }[] => {
  const digest = digestIn(image)
  return digest === undefined ? [] : [{ digest, image: imageName(image) }]
}
