import type { LimitFunction } from "p-limit"
import type { Trust } from "../attest/trust.ts"
import { type Verdict, worst } from "../gates/verdict.ts"
import type { Yard } from "../yard.ts"
import { current } from "./publish.ts"
import type { ImageRecord } from "./record.ts"
import type { Registry } from "./registry.ts"
import { lookedAtAgain } from "./reuse.ts"
import type { ShipOptions } from "./shipping.ts"
import { type ReleasedImage, signedSbom, verifyRelease } from "./verify.ts"

/** What is known today of an image that was released earlier. */
export interface Rescanned extends ReleasedImage {
  /** ERROR where no record that somebody trusted signed is about this very image. */
  verdict: Verdict
  /** Its record by today's rules and today's advisories. */
  record?: ImageRecord
  /** Why nobody could say. */
  problems: string[]
  /** The SBOM that somebody trusted signed, where it was asked for and is there. */
  sbom?: unknown
}

export interface Rescan {
  images: Rescanned[]
  /** Images that nobody has released yet. */
  unreleased: string[]
}

interface Rescanning extends Pick<ShipOptions, "rules" | "onEvent"> {
  yard: Yard
  registry: Registry
  trust: Trust
  side: LimitFunction
  /** Fetch the SBOMs as well. */
  sboms?: boolean
}

/**
 * What is released now, seen with today's advisories: each image's signed record is judged anew, and where other
 * advisories are known than when it was made, the image is fetched and looked at again. Builds and publishes nothing.
 */
export async function rescan(on: Rescanning, names: readonly string[]): Promise<Rescan> {
  const found = await Promise.all(
    names.map((family) =>
      on.side(async () => {
        const digest = await on.registry.digestOf(family, current)
        return digest === undefined ? family : await lookedAt(on, { family, digest })
      }),
    ),
  )
  return {
    images: found.filter((each) => typeof each !== "string"),
    unreleased: found.filter((each) => typeof each === "string"),
  }
}

async function lookedAt(on: Rescanning, image: ReleasedImage): Promise<Rescanned> {
  const { yard, registry, trust } = on
  const verifying = { registry, trust, now: yard.now }
  const { record: kept, problems } = await verifyRelease(verifying, image)
  if (kept?.digest !== image.digest || kept.family !== image.family) return { ...image, verdict: "ERROR", problems }
  const machine = kept.ingredients.machine || undefined
  const record = await lookedAtAgain(yard, registry, { rules: on.rules, machine, onEvent: on.onEvent }, kept)
  const sbom = on.sboms ? await signedSbom(verifying, image) : undefined
  const verdict = worst(Object.values(record.gates).map((gate) => gate.verdict))
  return { ...image, verdict, record, problems: [], ...(sbom === undefined ? {} : { sbom }) }
}
