import pLimit, { type LimitFunction } from "p-limit"
import { type Artifact, StepError } from "../engine/engine.ts"
import { takesGigabytes } from "../fleet/gigabytes.ts"
import { type BakeFile, bakeFile } from "../plan/bake.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan, PlannedFamily } from "../plan/plan.ts"
import { contentsOf } from "../release/contents.ts"
import { digestsOf, type Yard } from "../yard.ts"
import { bake, inputsRoot, secretsFor } from "./bake.ts"
import { archivePath, ociOutput } from "./buildkit.ts"
import { onParent, type Parent, parentInputs, releasedParent } from "./parent.ts"
import { readingCaches, usesRegistryCache } from "./registry-cache.ts"
import { sbomStep, settledSbom } from "./sbom.ts"
import { sealed } from "./seal.ts"

/** One image, built and sealed, with nothing said of it yet. */
export interface Built {
  family: string
  /** An OCI archive: exactly the bytes that gates look at and that are published. */
  archive: Artifact
  /** The image manifest's digest. */
  digest: string
  /** Of that manifest. */
  bytes: number
  /** Packages in its SBOM. */
  packages: number
  /** SHA-256 over the package table: what a risk acceptance holds for. */
  contents: string
  sbom: Artifact
  /** Seconds in which its own steps ran; 0 when all came from the cache. */
  seconds: number
  /** Steps that ran and that came from the cache. */
  ran: number
  cached: number
  /** What it stands on; absent for what stands on a base. */
  parent?: Parent
}

export interface BuildOptions {
  plan: Plan
  inputs: AllInputs
  /** Families to answer with, in build order. */
  families: readonly string[]
  /** family -> digest, of parents that the registry has: they are not built. */
  released?: ReadonlyMap<string, string>
  machine?: string
  noCache?: boolean
  /** Bounds what runs side by side; by default as many as the yard may. */
  side?: LimitFunction
  /** Told of each parent that was fetched from the registry, before its children are built. It is kept until this ends. */
  onFetched?: (parent: Parent) => Promise<void>
  /** Told of each image as soon as it is there. What this throws counts as the image's own failure. */
  onBuilt?: (image: Built) => Promise<void>
}

/**
 * Builds families side by side, each as soon as its parent is there: one solve for the image, syft over what is in it, and
 * that on top as a last layer. A family that cannot be built stops its children and nothing else.
 * Throws what was thrown first, once nothing runs any more: StepError with the failing step's last lines.
 */
export async function build(yard: Yard, options: BuildOptions): Promise<Built[]> {
  const { built, failure } = await buildWhatGoes(yard, options)
  if (failure) throw failure.reason
  return built
}

/** The same, which answers what it could build, and what was thrown first. */
export async function buildWhatGoes(
  yard: Yard,
  options: BuildOptions,
): Promise<{ built: Built[]; failure?: { reason: unknown } }> {
  const side = options.side ?? pLimit(yard.parallel)
  const file = linkedTargets(yard, options)
  const images = new Map<string, Promise<Image>>()
  const parents = new Map<string, Promise<Parent>>()
  const using = new Map<string, Promise<void> | undefined>()
  const parentOf = (family: string): Promise<Parent> => {
    const known = parents.get(family)
    if (known) return known
    const digest = options.released?.get(family)
    const found = digest
      ? side(() => releasedParent(yard, family, digest)).then((parent) => {
          using.set(family, options.onFetched?.(parent))
          return parent
        })
      : images.get(family)!.then(({ image, layout }) => ({ family, digest: image.digest, layout }))
    parents.set(family, found)
    return found
  }
  // A layout of gigabytes goes with the last child that needs it; caches are written on it, too.
  const waiting = options.families.map((family) => planned(options.plan, family).parent)
  const left = async (parent: Parent) => {
    waiting.splice(waiting.indexOf(parent.family), 1)
    if (!parent.layout || waiting.includes(parent.family) || usesRegistryCache(yard.fleet, yard.registry)) return
    await using.get(parent.family)
    await yard.engine.discard(parent.layout)
  }
  const oneByOne = pLimit(1)
  // An image is looked at and sent before many more are built: until then its archive is on the disk.
  const under = pLimit(2 * yard.parallel)
  const all = options.families.map((family) => {
    const name = planned(options.plan, family).parent
    const image = deferred<Image>()
    images.set(family, image.promise)
    const making = async () => {
      const parent = name === undefined ? undefined : await parentOf(name)
      // Of those that take gigabytes one is made, and done with, before the next one.
      const alone = takesGigabytes(yard.fleet, family)
      const work = async () => {
        const isParent = waiting.includes(family)
        const made = await side(() => buildOne(yard, options, { family, file, parent, isParent }))
        if (parent) await left(parent)
        image.resolve(made)
        await options.onBuilt?.(made.image)
        return made.image
      }
      return alone ? oneByOne(work) : under(work)
    }
    return making().catch((error) => {
      image.reject(error)
      throw error
    })
  })
  const ended = await Promise.allSettled(all)
  await Promise.all(using.values())
  const built = ended.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []))
  const failure = ended.find((each) => each.status === "rejected")
  return { built, ...(failure ? { failure } : {}) }
}

function deferred<T>() {
  const deferred = {} as { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void }
  deferred.promise = new Promise<T>((resolve, reject) => Object.assign(deferred, { resolve, reject }))
  // A failure is told by whoever made the image; its children only stop.
  deferred.promise.catch(() => {})
  return deferred
}

interface Image {
  image: Built
  /** For its children. */
  layout?: Artifact
}

interface BuildingOne {
  family: string
  file: BakeFile
  parent?: Parent
  /** A child will stand on it. */
  isParent: boolean
}

async function buildOne(
  yard: Yard,
  options: BuildOptions,
  { family, file, parent, isParent }: BuildingOne,
): Promise<Image> {
  const { fleet, registry } = yard
  const alone = onParent(file, family, { parent, fleet, registry })
  // What is built without a cache is built without any.
  const cached = !options.noCache && usesRegistryCache(fleet, registry)
  const own = cached ? readingCaches(alone, fleet, registry) : alone
  const { outputs, progress } = await bake(yard, {
    ...{ name: `build ${family}`, family, inputs: parentInputs(parent), anew: options.noCache },
    file: withOutput(own, ociOutput),
    outputs: { archive: archivePath },
  })
  const bare = outputs.archive!
  const sbom = await describe(yard, planned(options.plan, family), bare)
  const document = yard.engine.file(`${family}.spdx.json`, sbom.text)
  const profile = profileOf(yard, options.machine)
  const { epoch } = fleet
  const seal = { archive: bare, sbom: document, ...(profile ? { profile } : {}), epoch, layout: isParent }
  const { layout, ...image } = await sealed(yard.engine, family, seal)
  await yard.engine.discard(bare)
  const built: Built = {
    family,
    ...image,
    packages: sbom.packages,
    contents: contentsOf(sbom.table),
    sbom: document,
    ...{ seconds: 0, ran: 0, cached: 0, ...progress.targets[family] },
    ...(parent ? { parent } : {}),
  }
  return { image: built, ...(layout ? { layout } : {}) }
}

const planned = (plan: Plan, family: string): PlannedFamily => plan.families.find((each) => each.family === family)!

/** Every image that is asked for and what it is made with, as targets that are linked with each other. */
export const linkedTargets = (
  yard: Yard,
  { plan, inputs, families, noCache }: Pick<BuildOptions, "plan" | "inputs" | "families" | "noCache">,
): BakeFile =>
  bakeFile(yard.fleet, inputs, {
    root: inputsRoot,
    families,
    bases: Object.fromEntries(
      Object.entries(yard.bases).map(([name, { digest, context }]) => [
        name,
        context ?? `oci-layout:///bases/${name}@${digest}`,
      ]),
    ),
    baseDigests: digestsOf(yard.bases),
    revisions: Object.fromEntries(plan.families.map(({ family, revision }) => [family, revision])),
    secrets: secretsFor(yard),
    noCache,
  })

/** Only what is asked for leaves the builder; linked targets stay in its cache. */
const withOutput = (file: BakeFile, output: string): BakeFile => ({
  ...file,
  target: Object.fromEntries(
    Object.entries(file.target).map(([name, target]) => [
      name,
      file.group.default.targets.includes(name) ? { ...target, output: [output] } : target,
    ]),
  ),
})

async function describe(yard: Yard, { family, fingerprint }: PlannedFamily, archive: Artifact) {
  const step = sbomStep(family, archive)
  const ran = await yard.engine.run(step)
  if (ran.exitCode !== 0 || !ran.outputs.sbom)
    throw new StepError(step.name, { exitCode: ran.exitCode, output: ran.stderr })
  const { name: fleet, epoch } = yard.fleet
  return settledSbom(await yard.engine.read(ran.outputs.sbom), { fleet, family, fingerprint, epoch })
}

/** The profile of the machine that an image is for alone; undefined for images that are for any. */
function profileOf({ engine, fleet }: Yard, machine: string | undefined): Artifact | undefined {
  const profile = machine === undefined ? undefined : fleet.hosts[machine]?.profile
  return profile && engine.file("machine-profile.json", `${JSON.stringify(profile, null, 2)}\n`)
}
