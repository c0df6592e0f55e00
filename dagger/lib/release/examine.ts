import type { LimitFunction } from "p-limit"
import { type Built, build } from "../build/build.ts"
import type { PlannedFamily } from "../plan/plan.ts"
import type { Yard } from "../yard.ts"
import type { Found } from "./found.ts"
import { type Inspected, inspect } from "./inspect.ts"
import type { ImageRecord } from "./record.ts"
import type { Registry } from "./registry.ts"
import { reusable } from "./reuse.ts"
import { type ShipOptions, tell } from "./shipping.ts"
import { toolsOf } from "./tools.ts"

/** The images of a plan, each with its record; those that were there already were not built. */
export interface Examined {
  records: Map<string, ImageRecord>
  reused: ReadonlySet<string>
  built: readonly Built[]
}

/** Judges what was found anew, builds the rest, and looks at it through every gate. */
export async function examine(
  yard: Yard,
  registry: Registry,
  options: ShipOptions,
  on: { found: Found; side: LimitFunction },
): Promise<Examined> {
  const reused = await reusable(yard, registry, options, on)
  const families = options.plan.families.filter(({ family }) => !reused.has(family)).map(({ family }) => family)
  for (const family of families) tell(options, { family, step: "build", state: "started" })
  const records = new Map(reused)
  const onBuilt = async (image: Built) => {
    tell(options, { family: image.family, step: "build", state: "done", brief: `${Math.round(image.seconds)} s` })
    const inspected = await on.side(() => inspect(yard, options, image))
    const tools = await toolsOf(yard.engine)
    const planned = options.plan.families.find(({ family }) => family === image.family)!
    const record = recordOf(planned, image, { ...inspected, tools })
    records.set(image.family, record)
    await yard.records.put(record)
  }
  const released = new Map([...reused].map(([family, { digest }]) => [family, digest]))
  const built = await build(yard, { ...options, families, released, side: on.side, onBuilt })
  return { records, reused: new Set(reused.keys()), built }
}

function recordOf(
  planned: PlannedFamily,
  image: Built,
  { gates, seconds, tools }: Inspected & Pick<ImageRecord, "tools">,
): ImageRecord {
  const size = gates.size?.facts as { compressed?: number; uncompressed?: number } | undefined
  return {
    schema: 1,
    family: image.family,
    fingerprint: planned.fingerprint,
    ingredients: planned.ingredients,
    digest: image.digest,
    ...(image.parent ? { parent: { family: image.parent.family, digest: image.parent.digest } } : {}),
    revision: planned.revision,
    size: { compressed: size?.compressed ?? 0, uncompressed: size?.uncompressed ?? 0 },
    packages: image.packages,
    contents: image.contents,
    gates,
    gateSeconds: seconds,
    seconds: image.seconds,
    tools,
    // The time itself, not the day that was judged for (FAIRLEAD_NOW): of signed records the newest counts.
    at: new Date().toISOString(),
  }
}
