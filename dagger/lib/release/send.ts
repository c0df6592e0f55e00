import type { LimitFunction } from "p-limit"
import { attest } from "../attest/attest.ts"
import type { Built } from "../build/build.ts"
import type { Yard } from "../yard.ts"
import { attestingIn } from "./attesting.ts"
import type { ImageRecord } from "./record.ts"
import type { Registry } from "./registry.ts"

/** Brings an image into the registry, without a name: its bytes, then its signed record, which is made meanwhile. */
export async function send(
  yard: Yard,
  registry: Registry,
  { image, record, side }: { image: Built; record: ImageRecord; side: LimitFunction },
): Promise<void> {
  const { family, archive, digest, sbom, bytes } = image
  const uploaded = side(() => registry.upload(family, archive, digest))
  const signing = attestingIn(yard, registry)
  await Promise.all([uploaded, signing && attest(signing, record, { sbom, bytes, uploaded })])
}
