import type { LimitFunction } from "p-limit"
import { type Built, buildWhatGoes } from "../build/build.ts"
import type { Parent } from "../build/parent.ts"
import { CacheWriter } from "../build/write-caches.ts"
import { takesGigabytes } from "../fleet/gigabytes.ts"
import { lineage } from "../fleet/hierarchy.ts"
import { bigImage } from "../gates/probe.ts"
import { unpackAhead } from "../gates/unpack.ts"
import type { PlannedFamily } from "../plan/plan.ts"
import type { Yard } from "../yard.ts"
import type { Found } from "./found.ts"
import { type Inspected, inspect } from "./inspect.ts"
import { exitCodeOf } from "./leave.ts"
import { type ImageRecord, verdictOf } from "./record.ts"
import { isLoopback, type Registry } from "./registry.ts"
import { reusable } from "./reuse.ts"
import { send } from "./send.ts"
import { type ShipOptions, tell } from "./shipping.ts"
import { askTools, toolsOf } from "./tools.ts"

/** The images of a plan, each with its record; those that were there already were not built. */
export interface Examined {
  records: Map<string, ImageRecord>
  reused: ReadonlySet<string>
  built: readonly Built[]
  /** family -> whether it is in the registry by now with its record, nameless; rejects with what kept it from there. */
  sent: ReadonlyMap<string, Promise<boolean>>
  /** The build caches of those that passed, on their way to the registry. */
  caches: CacheWriter
  /** What was thrown first, of an image that could not be built or looked at. */
  failure?: { reason: unknown }
}

/** Judges what was found anew, builds the rest, and looks at it through every gate. */
export async function examine(
  yard: Yard,
  registry: Registry,
  options: ShipOptions,
  on: { found: Found; side: LimitFunction },
): Promise<Examined> {
  const records = await reusable(yard, registry, options, on)
  const reused = new Set(records.keys())
  const released = new Map([...records].map(([family, { digest }]) => [family, digest]))
  const open = options.plan.families.filter(({ family }) => !reused.has(family))
  for (const { family, expected } of open)
    tell(options, { family, step: "build", state: "started", expected: expected?.seconds })
  // All that building and looking take, asked while the first image is built; what else was used is asked for at the end.
  if (open.length > 0) askTools(yard.engine, ["build", "sbom", "run"])
  const examineOne = async (image: Built) => {
    tell(options, { family: image.family, step: "build", state: "done", brief: buildBrief(image) })
    const inspected = await on.side(() => inspect(yard, options, image))
    if (takesGigabytes(yard.fleet, image.family)) await yard.engine.discardShared(bigImage)
    const tools = await toolsOf(yard.engine)
    const planned = options.plan.families.find(({ family }) => family === image.family)!
    const record = recordOf(planned, image, { ...inspected, tools })
    records.set(image.family, record)
    await yard.records.put(record)
  }
  const sound = soundLines(yard, records)
  const sent = new Map<string, Promise<boolean>>()
  const caches = new CacheWriter(yard, options)
  const onFetched = async ({ family, layout }: Parent) => {
    if (layout) await unpackAhead(yard.engine, yard.fleet, { family, layout })
  }
  const onBuilt = async (image: Built) => {
    const { family, archive, parent } = image
    const examined = examineOne(image)
    sound.add(family, examined)
    const sending = examined.then(async () => {
      if (options.dryRun || !(await sound.line(family))) return false
      // The registry takes from its parent what they have in common.
      await sent.get(parent?.family ?? "")
      caches.write(image)
      await send(yard, registry, { image, record: records.get(family)!, side: on.side })
      await yard.engine.discard(archive)
      return true
    })
    sent.set(family, sending)
    // What keeps bytes from the registry is told where they are to get their names; what a gate throws is thrown here.
    await sending.catch(() => examined)
  }
  const families = open.map(({ family }) => family)
  const building = { ...options, families, released, side: on.side, onFetched, onBuilt }
  return { records, reused, sent, caches, ...(await buildWhatGoes(yard, building)) }
}

const buildBrief = ({ seconds, ran, cached }: Built): string =>
  `${Math.round(seconds)} s, ${cached} of ${ran + cached} steps from the cache`

/** Whether a family and all that it stands on passed, once that is known. */
function soundLines(yard: Yard, records: ReadonlyMap<string, ImageRecord>) {
  const examined = new Map<string, Promise<void>>()
  const isSound = async (family: string) => {
    await examined.get(family)
    const record = records.get(family)
    return record !== undefined && exitCodeOf(verdictOf(record), isLoopback(yard.registry)) === 0
  }
  return {
    add: (family: string, when: Promise<void>) => examined.set(family, when),
    line: async (family: string) =>
      (await Promise.all(lineage(yard.fleet, family).map(({ name }) => isSound(name)))).every(Boolean),
  }
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
