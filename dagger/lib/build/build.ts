import pLimit from "p-limit"
import { z } from "zod"
import { type Artifact, harmless, type Secret, StepError } from "../engine/engine.ts"
import { lineage } from "../fleet/hierarchy.ts"
import { bakeFile, bakeText } from "../plan/bake.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan, PlannedFamily } from "../plan/plan.ts"
import { Problem } from "../problem.ts"
import { contentsOf } from "../release/contents.ts"
import { hostInside, isLoopback, registryService } from "../release/registry.ts"
import { digestsOf, type Yard } from "../yard.ts"
import { builderFailure } from "./builder-failure.ts"
import { type Bake, bakeStep, lookOutput, ociOutput, secretPath } from "./buildkit.ts"
import { type BakeProgress, readProgress } from "./progress.ts"
import { readingCaches, usesRegistryCache, writingCaches } from "./registry-cache.ts"
import { sbomStep, settledSbom } from "./sbom.ts"
import { machineProfilePath, sbomPath, sealed, withSeals } from "./seal.ts"

/** One image, built and sealed, with nothing said of it yet. */
export interface Built {
  family: string
  /** An OCI archive: exactly the bytes that gates look at and that are published. */
  archive: Artifact
  /** The image manifest's digest. */
  digest: string
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
}

export interface BuildOptions {
  plan: Plan
  inputs: AllInputs
  /** Families to answer with, in build order. */
  families: readonly string[]
  machine?: string
  noCache?: boolean
}

const inputsRoot = "/src"

/**
 * Builds families and what they stand on in one solve, asks syft what is in each, and puts that on top as a last layer.
 * Throws StepError with the failing step's last lines.
 */
export async function build(yard: Yard, options: BuildOptions): Promise<Built[]> {
  const file = withoutOutputs(yard, options)
  const what = aimOf(yard, options.families)
  // What is built without a cache is built without any.
  const cached = !options.noCache && usesRegistryCache(yard.fleet, yard.registry)
  const asked = withOutputs(file, (name) => lookOutput(`${name}.tar`))
  const first = await bake(yard, {
    name: `build ${what}`,
    file: bakeText(cached ? readingCaches(asked, yard.fleet, yard.registry) : asked),
    families: options.families,
  })
  const side = pLimit(yard.parallel)
  const described = await Promise.all(
    options.families.map((family) =>
      side(async () => {
        const archive = first.archives[family]!
        const sbom = await describe(yard, planned(options.plan, family), archive)
        await yard.engine.discard(archive)
        return [family, sbom] as const
      }),
    ),
  )
  const sboms = Object.fromEntries(described)
  const inputs = Object.fromEntries(
    described.flatMap(([family, { text }]) => Object.entries(sealInputs(yard, family, text, options.machine))),
  )
  const seals = withSeals(file, options.families, yard.fleet.epoch)
  const text = bakeText(withOutputs(seals, (name) => ociOutput(`${name.replace(/^sealed-/, "")}.tar`)))
  const name = `seal ${what}`
  const second = await bake(yard, { name, file: text, families: options.families, inputs })
  return options.families.map((family) => ({
    family,
    archive: second.archives[family]!,
    digest: digestIn(second.metadata, sealed(family)),
    packages: sboms[family]!.packages,
    contents: contentsOf(sboms[family]!.table),
    sbom: yard.engine.file(`${family}.spdx.json`, sboms[family]!.text),
    ...{ seconds: 0, ran: 0, cached: 0, ...first.progress.targets[family] },
  }))
}

/** The family that all the others are built for; without such a one, how many there are. */
function aimOf({ fleet }: Yard, families: readonly string[]): string {
  const line = new Set(lineage(fleet, families.at(-1)!).map(({ name }) => name))
  return families.every((each) => line.has(each)) ? families.at(-1)! : `${families.length} images`
}

/**
 * Writes the caches of families that were just built to the registry, for builders that have none. Never needed: what went
 * wrong is answered as one line, and throws nothing.
 */
export async function writeCaches(yard: Yard, options: BuildOptions): Promise<string | undefined> {
  const { fleet, registry } = yard
  if (options.families.length === 0 || !usesRegistryCache(fleet, registry)) return undefined
  const file = withoutOutputs(yard, { ...options, noCache: false })
  const text = bakeText(writingCaches(readingCaches(file, fleet, registry), options.families, { fleet, registry }))
  try {
    await bake(yard, { name: "write the registry cache", file: text, families: [] })
    return undefined
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const said = harmless(error.details.why ?? error.what)
      .trim()
      .split("\n")
      .at(-1)
      ?.trim()
    return `the registry cache was not written, so builders without a cache build more: ${said}`
  }
}

const planned = (plan: Plan, family: string): PlannedFamily => plan.families.find((each) => each.family === family)!

function withoutOutputs(yard: Yard, { plan, inputs, families, noCache }: BuildOptions) {
  const bases = Object.entries(yard.bases)
  return bakeFile(yard.fleet, inputs, {
    root: inputsRoot,
    families,
    bases: Object.fromEntries(
      bases.map(([name, { digest, context }]) => [name, context ?? `oci-layout:///bases/${name}@${digest}`]),
    ),
    baseDigests: digestsOf(yard.bases),
    revisions: Object.fromEntries(plan.families.map(({ family, revision }) => [family, revision])),
    secrets: Object.keys(buildSecrets(yard)).map((id) => `id=${id},src=${secretPath(id)}`),
    noCache,
  })
}

/** What Dockerfiles may mount, by id: what this machine or call has of it. */
const buildSecrets = ({ ca, index, goproxy }: Yard): Record<string, Secret> => ({
  ...(ca ? { ca } : {}),
  ...(index ? { index } : {}),
  ...(goproxy ? { goproxy } : {}),
})

/** Only what is asked for leaves the builder; linked parents stay in its cache. */
const withOutputs = (file: ReturnType<typeof bakeFile>, output: (target: string) => string): typeof file => ({
  ...file,
  target: Object.fromEntries(
    Object.entries(file.target).map(([name, target]) => [
      name,
      file.group.default.targets.includes(name) ? { ...target, output: [output(name)] } : target,
    ]),
  ),
})

interface Baked {
  archives: Record<string, Artifact>
  metadata: unknown
  progress: BakeProgress
}

interface Baking {
  name: string
  file: string
  /** Those that leave as archives. */
  families: readonly string[]
  inputs?: Record<string, Artifact>
}

async function bake(yard: Yard, { name, file, families, inputs }: Baking): Promise<Baked> {
  const bases = Object.entries(yard.bases).flatMap(([base, { layout }]) => (layout ? [[`/bases/${base}`, layout]] : []))
  const step = bakeStep(yard.engine, yard.fleet.policy, {
    name,
    file,
    inputs: { [inputsRoot]: yard.source, ...Object.fromEntries(bases), ...inputs },
    outputs: Object.fromEntries(families.map((family) => [family, `/out/${family}.tar`])),
    secrets: buildSecrets(yard),
    ...(usesRegistryCache(yard.fleet, yard.registry) ? { cache: cacheAccess(yard) } : {}),
  })
  const ran = await yard.engine.run(step)
  const progress = readProgress(ran.stderr, families)
  if (ran.exitCode !== 0) {
    const output = progress.failure ?? ran.stderr
    const { why, fix = "run the step again with -v to see all of it" } = builderFailure(output) ?? {}
    throw new StepError(name, { exitCode: ran.exitCode, output, why }, fix)
  }
  const { metadata, ...archives } = ran.outputs
  return { archives, metadata: JSON.parse(await yard.engine.read(metadata!)), progress }
}

/** How BuildKit gets to the registry: by the names that every step knows it by. */
const cacheAccess = ({ registry, auth }: Yard): Bake["cache"] => ({
  services: registryService(registry),
  ...(isLoopback(registry) ? { plainHttp: hostInside(registry) } : {}),
  auth,
})

async function describe(yard: Yard, { family, fingerprint }: PlannedFamily, archive: Artifact) {
  const step = sbomStep(family, archive)
  const ran = await yard.engine.run(step)
  if (ran.exitCode !== 0 || !ran.outputs.sbom)
    throw new StepError(step.name, { exitCode: ran.exitCode, output: ran.stderr })
  const { name: fleet, epoch } = yard.fleet
  return settledSbom(await yard.engine.read(ran.outputs.sbom), { fleet, family, fingerprint, epoch })
}

/** What goes into the seal of a family: path in the step -> file, in the places that they have in the image. */
function sealInputs(yard: Yard, family: string, sbom: string, machine?: string): Record<string, Artifact> {
  const profile = machine && yard.fleet.hosts[machine]?.profile
  return {
    [`/seal/${family}${sbomPath.replace(/\.gz$/, "")}`]: yard.engine.file("sbom.spdx.json", sbom),
    ...(profile
      ? {
          [`/seal/${family}${machineProfilePath}`]: yard.engine.file(
            "machine-profile.json",
            `${JSON.stringify(profile, null, 2)}\n`,
          ),
        }
      : {}),
  }
}

const metadataSchema = z.record(z.string(), z.looseObject({ "containerimage.digest": z.string().optional() }))

function digestIn(metadata: unknown, target: string): string {
  const digest = metadataSchema.safeParse(metadata).data?.[target]?.["containerimage.digest"]
  if (!digest) throw new StepError(`build ${target}`, { why: "bake told no digest for it" })
  return digest
}
