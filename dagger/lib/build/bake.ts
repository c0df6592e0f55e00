import { type Artifact, type Engine, type Ran, type Secret, type Step, StepError } from "../engine/engine.ts"
import { type BakeFile, bakeText } from "../plan/bake.ts"
import { hostInside, isLoopback, registryService } from "../release/registry.ts"
import type { Yard } from "../yard.ts"
import { builderFailure } from "./builder-failure.ts"
import { type Bake, bakeStep, secretPath, startedAt } from "./buildkit.ts"
import { allCached, type BakeProgress, readProgress } from "./progress.ts"
import { usesRegistryCache } from "./registry-cache.ts"

/** Where the repository lies in a step that bakes. */
export const inputsRoot = "/src"

export interface Baking {
  /** "build family-web", shown to people. */
  name: string
  file: BakeFile
  /** The family that it is for; steps that targets share count for it. */
  family: string
  inputs?: Record<string, Artifact>
  /** name -> path below /out to keep. */
  outputs?: Record<string, string>
  /** It has to run, whatever an engine knows of it: it changes the world, or has to be made anew. Default: false. */
  anew?: boolean
}

export interface Baked {
  outputs: Record<string, Artifact>
  progress: BakeProgress
}

/** One solve. Throws StepError with the failing step's last lines. */
export async function bake(
  yard: Yard,
  { name, file, family, inputs, outputs = {}, anew = false }: Baking,
): Promise<Baked> {
  const bases = Object.entries(yard.bases).flatMap(([base, { layout }]) => (layout ? [[`/bases/${base}`, layout]] : []))
  const step = bakeStep(yard.engine, yard.fleet.policy, {
    name,
    file: bakeText(file),
    inputs: { [inputsRoot]: yard.source, ...Object.fromEntries(bases), ...inputs },
    outputs,
    secrets: buildSecrets(yard),
    builder: yard.builder,
    ...(needsRegistry(yard) ? { registry: registryAccess(yard) } : {}),
    look: anew ? "again" : "once",
  })
  const { ran, before } = await runOrReuse(yard.engine, step)
  const told = readProgress(ran.stderr, { order: [family], only: Object.keys(file.target).length === 1 })
  const progress = before ? allCached(told) : told
  if (ran.exitCode !== 0) {
    const output = progress.failure ?? ran.stderr
    const { why, fix = "run the step again with -v to see all of it" } = builderFailure(output, yard.builder) ?? {}
    throw new StepError(name, { exitCode: ran.exitCode, output, why }, fix)
  }
  return { outputs: ran.outputs, progress }
}

/**
 * An engine may answer from its cache what it ran before. A failure, too: what failed then (a package index, a full disk)
 * may work now, so it is run again.
 */
async function runOrReuse(engine: Engine, step: Step): Promise<{ ran: Ran; before: boolean }> {
  const now = Date.now()
  const ran = await engine.run(step)
  const before = startedAt(ran) < now
  if (ran.exitCode === 0 || !before) return { ran, before }
  return { ran: await engine.run({ ...step, look: "again" }), before: false }
}

/** What Dockerfiles may mount, by id: what this machine or call has of it. */
export const buildSecrets = ({ ca, index, goproxy }: Yard): Record<string, Secret> => ({
  ...(ca ? { ca } : {}),
  ...(index ? { index } : {}),
  ...(goproxy ? { goproxy } : {}),
})

/** The same, as bake wants to be told of them. */
export const secretsFor = (yard: Yard): string[] =>
  Object.keys(buildSecrets(yard)).map((id) => `id=${id},src=${secretPath(id)}`)

/** Caches are there, and parents that this run does not build; from a registry on loopback those come as layouts. */
const needsRegistry = ({ fleet, registry }: Yard): boolean =>
  usesRegistryCache(fleet, registry) || !isLoopback(registry)

/** How BuildKit gets to the registry: by the names that every step knows it by. */
const registryAccess = ({ registry, auth }: Yard): Bake["registry"] => ({
  services: registryService(registry),
  ...(isLoopback(registry) ? { plainHttp: hostInside(registry) } : {}),
  auth,
})
