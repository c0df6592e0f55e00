import { availableParallelism } from "node:os"
import type { Advisories } from "../dagger/lib/advisories/advisories.ts"
import { findAdvisories } from "../dagger/lib/advisories/find.ts"
import type { RemoteBuilder } from "../dagger/lib/build/builder.ts"
import { withoutRegistryCache } from "../dagger/lib/build/registry-cache.ts"
import type { Engine, ToolboxPart } from "../dagger/lib/engine/engine.ts"
import type { Repository } from "../dagger/lib/fleet/repository.ts"
import { once } from "../dagger/lib/once.ts"
import type { Commit } from "../dagger/lib/plan/tag.ts"
import { isLoopback, type RegistryAddress } from "../dagger/lib/release/registry.ts"
import { FolderStore } from "../dagger/lib/release/store.ts"
import { loadRisks } from "../dagger/lib/risks/load.ts"
import type { ReadyBase, Yard } from "../dagger/lib/yard.ts"
import { type ChosenAdvisories, chooseSource, remember } from "./advisories.ts"
import { type BuilderFlags, builderOn, chooseBuilder } from "./builder.ts"
import { caBundle } from "./ca.ts"
import { clock } from "./clock.ts"
import { type OpenEngine, openEngine, whileOpen } from "./engines.ts"
import { onInterrupt } from "./interrupt.ts"
import { signerOn } from "./keys.ts"
import { partsFor } from "./parts.ts"
import { type ChosenRegistry, credentialsFor } from "./registry.ts"
import { baseLayout } from "./setup/bases.ts"
import type { EngineChoice } from "./setup/engine.ts"
import { engineRoot, requireFreeSpace } from "./setup/freeSpace.ts"
import { type Readied, ready } from "./setup/ready.ts"
import type { Progress } from "./show/progress.ts"
import { inHome } from "./state.ts"

export interface YardOptions {
  repository: Repository
  commit: Commit
  registry: ChosenRegistry
  /** What the verb needs of the toolbox. */
  toolbox: readonly ToolboxPart[]
  progress: Progress
  choice: EngineChoice
  /** What the command line says of who builds. */
  builder?: BuilderFlags
  /** It looks advisories up; `flag` is what the command line says of where. */
  advisories?: { flag?: string }
}

/**
 * Readies what a verb needs, opens the yard for the time of `work`, and leaves nothing running behind it, also after
 * Ctrl-C.
 */
export async function withYard(
  options: YardOptions,
  work: (yard: Yard, readied: Readied) => Promise<void>,
): Promise<void> {
  const { repository, registry, progress, choice } = options
  const interrupt = onInterrupt()
  // What stops it in the end is told before anything is readied: that may take minutes.
  await loadRisks(repository.root, repository.fleet)
  clock()
  const builder = chooseBuilder(options.builder ?? {})
  const advisories = options.advisories && (await chooseSource(repository.fleet, options.advisories.flag))
  const toolbox = [...options.toolbox, ...(advisories?.toolbox ?? [])]
  const parts = partsFor(repository.fleet, toolbox, registry.embedded)
  const readied = await ready(parts, { say: progress.say, signal: interrupt.signal })
  const { cache } = repository.fleet.policy
  await requireFreeSpace({ path: await engineRoot(), bytes: cache.keepFree, what: "a build" })
  const opened = await openEngine(choice.name, {
    root: repository.root,
    onLine: progress.tool,
    signal: interrupt.signal,
  })
  const working = async () => {
    const yard = await yardOn(opened, { ...options, advisories })
    if (builder) useBuilder(yard, builderOn(opened, builder))
    if (options.toolbox.includes("sign")) yard.signer = await signerOn(opened, repository)
    await work(yard, readied)
  }
  await whileOpen(opened, () => working().finally(() => progress.done())).finally(() => interrupt.stop())
}

/** A builder elsewhere reaches no registry on this machine's loopback, and so no cache there. */
function useBuilder(yard: Yard, builder: RemoteBuilder): void {
  yard.builder = builder
  if (isLoopback(yard.registry)) yard.fleet = withoutRegistryCache(yard.fleet)
}

export async function yardOn(
  opened: OpenEngine,
  on: Pick<YardOptions, "repository" | "commit" | "registry"> & { advisories?: ChosenAdvisories },
): Promise<Yard> {
  const { engine, secretFile, secretText } = opened
  const { repository, commit, registry } = on
  const ca = caBundle()
  const index = process.env.UV_DEFAULT_INDEX ?? process.env.UV_INDEX_URL ?? process.env.PIP_INDEX_URL
  const goproxy = process.env.GOPROXY
  return {
    fleet: repository.fleet,
    root: repository.root,
    source: engine.local(repository.root),
    engine,
    bases: await readyBases(repository, engine),
    commit,
    now: clock().now,
    registry: registry.address,
    records: recordsOf(registry.address),
    risks: await loadRisks(repository.root, repository.fleet),
    advisories: once(() => lookForAdvisories(opened, repository, on.advisories)),
    ca: ca === undefined ? undefined : secretFile("ca", ca),
    index: index === undefined ? undefined : secretText("index", index),
    goproxy: goproxy ? secretText("goproxy", goproxy) : undefined,
    auth: registry.auth === undefined ? undefined : secretText("registry-auth", registry.auth),
    parallel: Math.max(2, availableParallelism()),
  }
}

/** Asks the chosen source. The folder's or the mirror's own trouble is an answer, not an error. */
export async function lookForAdvisories(
  { engine, secretFile, secretText }: OpenEngine,
  { fleet, root }: Repository,
  chosen?: ChosenAdvisories,
): Promise<Advisories> {
  const { choice, known } = chosen ?? (await chooseSource(fleet))
  if (known) return known
  const ca = caBundle()
  const host = choice.source === "online" && choice.database.by ? choice.database.refs[0].split("/")[0] : undefined
  const auth = host === undefined ? undefined : await credentialsFor(host)
  const found = await findAdvisories({
    ...{ engine, root, fleet, choice, now: clock().now },
    ca: ca === undefined ? undefined : secretFile("ca", ca),
    auth: auth === undefined ? undefined : secretText("advisories-auth", auth),
  })
  await remember(choice, found)
  return found
}

/** Records are kept by registry: what one registry has, another may not. */
export const recordsOf = ({ host, org }: RegistryAddress): FolderStore =>
  new FolderStore(inHome("records", host.replaceAll(":", "_"), org))

async function readyBases({ fleet }: Repository, engine: Engine): Promise<Record<string, ReadyBase>> {
  const found = Object.entries(fleet.bases).map(async ([name, base]) => {
    const { path, digest } = await baseLayout(base, fleet.epoch)
    return [name, { digest, layout: engine.local(path) }] as const
  })
  return Object.fromEntries(await Promise.all(found))
}
