import {
  CacheSharingMode,
  type Client,
  type Container,
  type Secret as DaggerSecret,
  type Service as DaggerService,
  type Socket as DaggerSocket,
  type Directory,
  type File,
  ReturnType,
} from "@dagger.io/dagger"
import { Problem } from "../problem.ts"
import {
  type Artifact,
  type Beside,
  type CallerPort,
  type Engine,
  type Ran,
  type Secret,
  type Service,
  type Socket,
  type Step,
  StepError,
  type ToolboxPart,
} from "./engine.ts"

export interface DaggerOptions {
  /** The client: the module's `dag`, or a connection's. */
  dag: Client
  /** A part of the toolbox as a container. */
  toolbox: (part: ToolboxPart) => Promise<Container>
  /** A file or folder by its path: of the module's source, or of the machine that holds the connection. */
  local: (path: string) => Promise<File | Directory>
  /** A port on the loopback of whoever calls; a module gets it as a Service argument. */
  callerPort: (port: number) => DaggerService | Promise<DaggerService>
}

type Handle = File | Directory

/** Runs each step as one exec of a Dagger engine. */
export class DaggerEngine implements Engine, Beside {
  readonly name = "dagger"
  readonly parts = new Set<ToolboxPart>()
  private readonly services = new Map<string, DaggerService>()
  private readonly going = new Set<DaggerService>()

  constructor(private readonly options: DaggerOptions) {}

  async run(step: Step): Promise<Ran> {
    const started = performance.now()
    try {
      const ran = (await this.container(step)).withExec([...step.argv], {
        expect: ReturnType.Any,
        insecureRootCapabilities: step.privileged,
      })
      const exitCode = await ran.exitCode()
      const [stdout, stderr] = await Promise.all([ran.stdout(), ran.stderr()])
      return {
        exitCode,
        stdout,
        stderr,
        outputs: await this.outputs(step, ran),
        seconds: (performance.now() - started) / 1000,
      }
    } catch (error) {
      if (error instanceof Problem) throw error
      throw new StepError(step.name, { why: "the Dagger engine could not run it", output: (error as Error).message })
    }
  }

  async start(step: Step): Promise<{ stop(): Promise<void> }> {
    const container = await this.container({ ...step, look: "again" })
    const service = container.asService({ args: [...step.argv], insecureRootCapabilities: step.privileged })
    try {
      await service.start()
    } catch (error) {
      throw new StepError(step.name, { why: "the Dagger engine could not start it", output: (error as Error).message })
    }
    this.going.add(service)
    const stop = async () => {
      if (this.going.delete(service)) await service.stop({ kill: true }).catch(() => {})
    }
    return { stop }
  }

  file(name: string, text: string): Artifact {
    return artifact("file", name, Promise.resolve(this.options.dag.directory().withNewFile("it", text).file("it")))
  }

  local(path: string): Artifact {
    return artifact("file", path, this.options.local(path))
  }

  /** A secret that the caller handed over. */
  secret(name: string, secret: DaggerSecret): Secret {
    return { name, handle: secret }
  }

  /** A socket that the caller handed over. */
  socket(name: string, socket: DaggerSocket): Socket {
    return { name, handle: socket }
  }

  async read(artifact: Artifact, maxBytes = 64 * 1024 * 1024): Promise<string> {
    const file = (await handleOf(artifact)) as File
    const size = await file.size()
    if (size > maxBytes)
      throw new Problem(`${artifact.name} has ${size} bytes`, { why: `at most ${maxBytes} are read`, exitCode: 3 })
    return file.contents()
  }

  async save(artifact: Artifact, path: string): Promise<void> {
    await (await handleOf(artifact)).export(path)
  }

  // The engine keeps it in its own cache, and prunes that by itself.
  async discard(): Promise<void> {}

  async discardShared(): Promise<void> {}

  async close(): Promise<void> {
    const going = [...this.going].map((service) => service.stop({ kill: true }))
    await Promise.allSettled([...going, ...[...this.services.values()].map((service) => service.stop())])
    this.services.clear()
    this.going.clear()
  }

  private async container(step: Step): Promise<Container> {
    const { dag } = this.options
    let container = await this.image(step.image)
    container = await this.mounted(container, step)
    for (const folder of outputFolders(step))
      container = container.withMountedDirectory(folder, dag.directory(), { owner: step.user })
    // An empty folder is a plain folder on the engine's disk, where a nested container engine can keep its layers.
    for (const path of [...(step.scratch ?? []), ...Object.keys(step.shared ?? {})])
      container = container.withMountedDirectory(path, dag.directory())
    for (const [name, value] of Object.entries(step.env ?? {})) container = container.withEnvVariable(name, value)
    for (const [name, service] of Object.entries(step.services ?? {})) {
      container = container.withServiceBinding(name, await this.service(service))
    }
    for (const [path, { handle }] of Object.entries(step.sockets ?? {}))
      container = container.withUnixSocket(path, handle as DaggerSocket, { owner: step.user })
    if (step.user) container = container.withUser(step.user)
    // The engine answers from its cache what it ran before; a look at the outside world must not come from there.
    if (step.look === "again") container = container.withEnvVariable("FAIRLEAD_LOOK", `${Date.now()}-${Math.random()}`)
    return container
  }

  private async image(image: Step["image"]): Promise<Container> {
    if (typeof image === "string") {
      const part = image.slice("toolbox:".length) as ToolboxPart
      this.parts.add(part)
      return this.options.toolbox(part)
    }
    return this.options.dag.container().import_((await handleOf(image)) as File)
  }

  private async mounted(container: Container, holder: Step | Service): Promise<Container> {
    const { dag } = this.options
    let made = container
    for (const [path, input] of Object.entries(holder.inputs ?? {})) {
      const handle = await handleOf(input)
      made = isDirectory(handle) ? made.withMountedDirectory(path, handle) : made.withMountedFile(path, handle)
    }
    for (const [path, { handle }] of Object.entries(holder.secrets ?? {})) {
      made = made.withMountedSecret(path, handle as DaggerSecret, { mode: 0o444 })
    }
    for (const [path, name] of Object.entries(holder.caches ?? {})) {
      // One daemon at a time may open BuildKit's state.
      made = made.withMountedCache(path, dag.cacheVolume(`fairlead-${name}`), { sharing: CacheSharingMode.Locked })
    }
    return made
  }

  private async service(service: Service | CallerPort): Promise<DaggerService> {
    if ("callerPort" in service) return this.options.callerPort(service.callerPort)
    const known = this.services.get(service.name)
    if (known) return known
    let container = await this.mounted(await this.image(service.image), service)
    for (const [name, each] of Object.entries(service.services ?? {}))
      container = container.withServiceBinding(name, await this.service(each))
    const made = container
      .withExposedPort(service.port)
      .asService({ args: [...service.argv], insecureRootCapabilities: service.privileged })
    this.services.set(service.name, made)
    return made
  }

  private async outputs(step: Step, ran: Container): Promise<Record<string, Artifact>> {
    const outputs: Record<string, Artifact> = {}
    for (const [name, path] of Object.entries(step.outputs ?? {})) {
      if (path.endsWith("/")) {
        outputs[name] = artifact("directory", name, Promise.resolve(ran.directory(path.slice(0, -1))))
        continue
      }
      const folder = path.slice(0, path.lastIndexOf("/"))
      const entries = await ran.directory(folder).entries()
      if (entries.includes(path.slice(folder.length + 1)))
        outputs[name] = artifact("file", name, Promise.resolve(ran.file(path)))
    }
    return outputs
  }
}

const outputFolders = (step: Step): Set<string> =>
  new Set(
    Object.values(step.outputs ?? {}).map((path) =>
      path.endsWith("/") ? path.slice(0, -1) : path.slice(0, path.lastIndexOf("/")),
    ),
  )

const artifact = (kind: Artifact["kind"], name: string, handle: Promise<Handle>): Artifact => {
  handle.catch(() => {}) // reported to whoever uses the artifact
  return { kind, name, handle }
}

const handleOf = async (artifact: Artifact): Promise<Handle> => (await artifact.handle) as Handle

const isDirectory = (handle: Handle): handle is Directory => "entries" in handle
