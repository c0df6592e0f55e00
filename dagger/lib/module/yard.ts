import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import type {
  Client,
  Container,
  Secret as DaggerSecret,
  Service as DaggerService,
  Socket as DaggerSocket,
  Directory,
  File,
} from "@dagger.io/dagger"
import type { Advisories } from "../advisories/advisories.ts"
import { type AdvisoriesChoice, chooseAdvisories } from "../advisories/choice.ts"
import { findAdvisories } from "../advisories/find.ts"
import { keylessSigner } from "../attest/keyless.ts"
import { type KeySigner, publicHalf, type Signer } from "../attest/sign.ts"
import { parseBuilder, type RemoteBuilder } from "../build/builder.ts"
import { withoutRegistryCache } from "../build/registry-cache.ts"
import { DaggerEngine } from "../engine/dagger.ts"
import type { Artifact, ToolboxPart } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { loadFleet } from "../fleet/load.ts"
import type { Repository } from "../fleet/repository.ts"
import { once } from "../once.ts"
import { Problem, wrongInput } from "../problem.ts"
import { parseRegistry } from "../release/address.ts"
import { isLoopback, type RegistryAddress } from "../release/registry.ts"
import { MemoryStore } from "../release/store.ts"
import { loadRisks } from "../risks/load.ts"
import type { ReadyBase, Yard } from "../yard.ts"

/** What a call of the module brings along. */
export interface Site {
  dag: Client
  /** The fleet's repository. */
  source: Directory
  /** Archives of the toolbox, `<part>-….tar`; without them the parts are built from the module's own Dockerfile. */
  toolbox?: Directory
  /** OCI layouts of the bases, one folder each; without them bases are pulled by the names in fleet.yaml. */
  bases?: Directory
  registry?: string
  registryService?: DaggerService
  registryAuth?: DaggerSecret
  ca?: DaggerSecret
  signingKey?: DaggerSecret
  signingPassword?: DaggerSecret
  /** An OIDC token of the CI's: it signs in place of a key. */
  identityToken?: DaggerSecret
  /** OSV records; without them advisories are looked up as fleet.yaml says. */
  advisories?: Directory
  /** hosts.yaml of a demo that is up: its hosts serve in place of fleet.yaml's. */
  yard?: File
  /** Hosts on the caller's loopback, such as the demo's, by their ports. */
  hostServices?: readonly DaggerService[]
  sshKey?: DaggerSecret
  sshAgent?: DaggerSocket
  /** Another machine's BuildKit, "tcp://host:port"; the other three where it wants TLS. */
  builder?: string
  builderCa?: DaggerSecret
  builderCert?: DaggerSecret
  builderKey?: DaggerSecret
}

/** The source's fleet, on the module's own disk, where plans read it. Its history is asked by steps: it may be large. */
export async function openSource(source: Directory, parent = tmpdir()): Promise<Repository> {
  const root = await mkdtemp(join(parent, "fleet-"))
  await source.withoutDirectory(".git").export(root)
  return { root, fleet: await loadFleet(root) }
}

/** The engine that the call came to, with what the call brought along. */
export const daggerEngine = (site: Site): DaggerEngine =>
  new DaggerEngine({
    dag: site.dag,
    toolbox: (part) => toolboxContainer(site, part),
    local: async (path) => localArtifact(site.source, path),
    callerPort: (port) => callerService(site, port),
  })

/** What signs records; none where neither a key nor a token was given. */
export async function signerIn(site: Site, on: Repository & { engine: DaggerEngine }): Promise<Signer | undefined> {
  const { identityToken } = site
  if (!identityToken) return keySignerIn(site, on.engine)
  if (site.signingKey)
    throw wrongInput("both are given, and one of them signs", {
      where: "--signing-key, --identity-token",
      fix: "leave one of them out",
    })
  return keylessSigner(on, () => identityToken.plaintext())
}

/** The same for who asks for a key; none where none was given. */
export async function keySignerIn(
  { signingKey, signingPassword }: Site,
  engine: DaggerEngine,
): Promise<KeySigner | undefined> {
  if (!signingKey) return undefined
  const key = engine.secret("signing-key", signingKey)
  const password = signingPassword && engine.secret("signing-password", signingPassword)
  return { key, password, publicKey: await publicHalf(engine, { key, password }, "--signing-key") }
}

export type DaggerYard = Yard & {
  engine: DaggerEngine
  /** The source with its history. What is built is made of the source alone: another commit changes nothing in it. */
  checkout: Artifact
}

/** A yard on a Dagger engine. */
export async function daggerYard(site: Site): Promise<DaggerYard> {
  // Below the module's working directory: from there the engine takes it again, and knows it by its content. The caller's
  // source would be another one with each commit, by its history.
  const { root, fleet: written } = await openSource(site.source, process.cwd())
  const registry = await registryOf(site, written)
  const fleet = withCacheInReach(written, registry, site)
  const engine = daggerEngine(site)
  const now = new Date()
  return {
    fleet,
    root,
    source: folder("source", site.dag.currentModule().workdir(basename(root))),
    checkout: folder("checkout", site.source),
    engine,
    bases: await readyBases(site, fleet),
    commit: { uncommitted: [], history: [] },
    now,
    registry,
    records: new MemoryStore(),
    risks: await loadRisks(root, fleet),
    advisories: once(() => lookForAdvisories(site, { root, fleet, engine, now })),
    ca: site.ca && engine.secret("ca", site.ca),
    auth: site.registryAuth && engine.secret("registry-auth", site.registryAuth),
    builder: builderOf(site, engine),
    parallel: 4,
  }
}

const folder = (name: string, directory: Directory): Artifact => ({
  kind: "directory",
  name,
  handle: Promise.resolve(directory),
})

/** Whoever builds in place of the toolbox. Throws a Problem (exit code 2). */
export function builderOf(
  { builder, builderCa, builderCert, builderKey }: Pick<Site, "builder" | "builderCa" | "builderCert" | "builderKey">,
  engine: Pick<DaggerEngine, "secret">,
): RemoteBuilder | undefined {
  const files = { ca: builderCa, cert: builderCert, key: builderKey }
  const given = Object.entries(files).flatMap(([name, secret]) => (secret ? [[name, secret] as const] : []))
  if (!builder) {
    if (given.length === 0) return undefined
    throw wrongInput("there is no builder that it is for", {
      where: `--builder-${given[0]![0]}`,
      fix: "pass --builder tcp://HOST:PORT as well",
    })
  }
  const address = parseBuilder(builder, "--builder")
  if (given.length === 0) return address
  if (given.length < 3)
    throw wrongInput("a builder with TLS wants three files", {
      where: "--builder",
      fix: "pass --builder-ca, --builder-cert and --builder-key, or none of them",
    })
  const tls = Object.fromEntries(given.map(([name, secret]) => [name, engine.secret(`builder-${name}`, secret)]))
  return { ...address, tls: tls as RemoteBuilder["tls"] }
}

async function lookForAdvisories(
  { advisories, ca, registryAuth }: Site,
  on: { root: string; fleet: Fleet; engine: DaggerEngine; now: Date },
): Promise<Advisories> {
  const given: AdvisoriesChoice = { source: "folder", path: "advisories", by: "--advisories" }
  return findAdvisories({
    ...on,
    choice: advisories ? given : chooseAdvisories(on.fleet),
    folder: advisories && folder("advisories", advisories),
    ca: ca && on.engine.secret("ca", ca),
    auth: registryAuth && on.engine.secret("registry-auth", registryAuth),
  })
}

/**
 * Where images go: the argument, then fleet.yaml, as with `./fairlead`: a registry that fleet.yaml only names and that no
 * credentials came for gives way to the one on loopback that came along.
 */
export async function registryOf(
  { registry, registryService, registryAuth }: Pick<Site, "registry" | "registryService" | "registryAuth">,
  fleet: Fleet,
): Promise<RegistryAddress> {
  if (registry) return parseRegistry(registry, fleet.registry.org, "--registry")
  if (!registryService || registryAuth || isLoopback(fleet.registry)) return fleet.registry
  const [port] = (await byPort([registryService])).keys()
  return { ...fleet.registry, host: `127.0.0.1:${port}` }
}

/** A registry that nothing came along for holds no cache that a build could reach. */
export function withCacheInReach(
  fleet: Fleet,
  address: RegistryAddress,
  { registry, registryService, registryAuth }: Pick<Site, "registry" | "registryService" | "registryAuth">,
): Fleet {
  const { registryCache } = fleet.policy
  const inReach = isLoopback(address)
    ? registryService !== undefined
    : registryCache.use === "on" || registry !== undefined || registryAuth !== undefined
  return inReach ? fleet : withoutRegistryCache(fleet)
}

async function callerService(
  { registryService, hostServices = [], builder }: Site,
  port: number,
): Promise<DaggerService> {
  const brought = [...hostServices, ...(registryService ? [registryService] : [])]
  const found = (await byPort(brought)).get(port)
  if (found) return found
  if (builder && parseBuilder(builder, "--builder").port === port)
    throw wrongInput(`the builder on port ${port} of your loopback is not reachable from a Dagger engine`, {
      where: "--builder",
      fix: `pass --host-service tcp://127.0.0.1:${port} as well`,
    })
  throw wrongInput(`the registry on port ${port} of your loopback is not reachable from a Dagger engine`, {
    where: "--registry-service",
    fix: `pass --registry-service tcp://127.0.0.1:${port}, where the function takes it`,
  })
}

/** Services by the port at which each of them answers. */
export async function byPort<Each extends Pick<DaggerService, "endpoint">>(
  services: readonly Each[],
): Promise<Map<number, Each>> {
  const found = services.map(async (each) => [Number(/:(\d+)$/.exec(await each.endpoint())?.[1]), each] as const)
  return new Map(await Promise.all(found))
}

async function localArtifact(source: Directory, path: string) {
  const isFile = (await source.glob(path)).includes(path)
  return isFile ? source.file(path) : source.directory(path)
}

/** A part of the toolbox: from an archive that the caller has, else built from this module's own files. */
async function toolboxContainer({ dag, toolbox, ca }: Site, part: ToolboxPart): Promise<Container> {
  if (toolbox) {
    const archive = (await toolbox.entries()).find((name) => name.startsWith(`${part}-`) && name.endsWith(".tar"))
    if (archive) return dag.container().import_(toolbox.file(archive))
    throw new Problem(`holds no archive of the toolbox part "${part}"`, {
      where: "--toolbox",
      fix: "run `./fairlead setup --dagger`, or leave --toolbox out: the part is built then",
    })
  }
  const context = dag.currentModule().source().directory("toolbox")
  return context.dockerBuild({ target: part, secrets: ca ? [ca] : [] })
}

/** Bases by their digest: as readied by set-up, else as the registry answers their names now. */
async function readyBases({ dag, bases }: Site, fleet: Fleet): Promise<Record<string, ReadyBase>> {
  const made = Object.entries(fleet.bases).map(async ([name, base]): Promise<[string, ReadyBase]> => {
    if (bases) return [name, await layoutIn(bases, name, base.image)]
    const ref = await dag
      .container()
      .from(base.digest ? `${base.image}@${base.digest}` : base.image)
      .imageRef()
    const digest = /sha256:[0-9a-f]{64}/.exec(ref)?.[0]
    if (!digest) throw new Problem(`${base.image} has no digest`, { where: `fleet.yaml: bases.${name}`, exitCode: 3 })
    return [name, { digest, context: `docker-image://${ref}` }]
  })
  return Object.fromEntries(await Promise.all(made))
}

async function layoutIn(bases: Directory, name: string, image: string): Promise<ReadyBase> {
  for (const file of await bases.glob("*/base.json")) {
    const found = JSON.parse(await bases.file(file).contents()) as { image?: string; name?: string; digest: string }
    if (found.image !== image && found.name !== name && found.name !== image) continue
    return { digest: found.digest, layout: folder(name, bases.directory(file.split("/")[0]!)) }
  }
  throw new Problem(`holds no base "${name}" (${image})`, { where: "--bases", fix: "run `./fairlead setup --dagger`" })
}
