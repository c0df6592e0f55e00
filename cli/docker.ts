import { randomBytes } from "node:crypto"
import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { execa } from "execa"
import {
  type Artifact,
  type CallerPort,
  type Engine,
  harmless,
  type Ran,
  type Secret,
  type Service,
  type Step,
  StepError,
  type ToolboxPart,
} from "../dagger/lib/engine/engine.ts"
import { Problem } from "../dagger/lib/problem.ts"
import { DockerServices } from "./docker-services.ts"
import { SharedFolders } from "./docker-shared.ts"
import { networkName } from "./setup/network.ts"
import { label } from "./state.ts"

export interface DockerOptions {
  /** The repository: relative paths of `local` start here. */
  root: string
  /** An empty folder of this run, removed by `close`. */
  work: string
  /** The Docker image that holds a part of the toolbox, made by set-up. */
  toolbox: (part: ToolboxPart) => Promise<string>
  /** Every line that a step prints, escapes removed. */
  onLine?: (step: string, line: string) => void
  /** A BuildKit of its own, by this name. */
  buildCache?: string
  /** Ctrl-C: running steps are stopped and their containers removed. */
  signal?: AbortSignal
}

const megabyte = 1024 * 1024

// Without the capabilities, NVIDIA's container runtime mounts nvidia-smi and no CUDA.
const allGpus = ["--gpus", "all", "--env", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]

/** Runs each step as one container of the Docker daemon that the docker client talks to. */
export class DockerEngine implements Engine {
  readonly name = "docker"
  readonly parts = new Set<ToolboxPart>()
  readonly buildCache?: string
  private readonly runId = randomBytes(4).toString("hex")
  private count = 0
  private readonly images = new Map<unknown, Promise<string>>()
  private readonly loaded: string[] = []
  private gpus?: Promise<boolean>
  private readonly services: DockerServices
  private readonly shared = new SharedFolders(this.runId)

  constructor(private readonly options: DockerOptions) {
    this.buildCache = options.buildCache
    this.services = new DockerServices(this.runId, (service) => this.serviceArguments(service))
  }

  async run(step: Step): Promise<Ran> {
    this.options.signal?.throwIfAborted()
    const id = `fairlead-${this.runId}-${++this.count}`
    const folder = join(this.options.work, `${this.count}`)
    await mkdir(folder, { recursive: true })
    const image = typeof step.image === "string" ? await this.toolbox(step.image) : await this.load(step.image)
    const kept = await this.outputFolders(step, folder)
    const argv = [
      "run",
      "--rm",
      "--name",
      id,
      "--label",
      `${label}=1`,
      "--label",
      `${label}.run=${this.runId}`,
      "--log-driver",
      "none",
      "--pull",
      "never",
      ...(await this.networkArguments(step)),
      ...(await this.mountArguments(step)),
      ...[...kept].flatMap(([path, host]) => bind(host, path, false)),
      ...(step.scratch ?? []).flatMap((path) => ["--mount", `type=volume,dst=${path}`]),
      ...(await this.sharedArguments(step)),
      ...Object.entries(step.env ?? {}).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...(step.user ? ["--user", step.user] : []),
      ...(step.privileged ? ["--privileged"] : []),
      ...(step.gpus && (await this.handsOutGpus(image)) ? allGpus : []),
      "--entrypoint",
      step.argv[0],
      image,
      ...step.argv.slice(1),
    ]
    const started = performance.now()
    const { exitCode, stdout, stderr } = await this.stream(step, id, argv)
    // 125 is the docker client's own: the daemon refused. Steps do not answer it themselves.
    if (exitCode === 125)
      throw new StepError(step.name, { exitCode, output: stderr, why: "the container could not start" })
    return {
      exitCode,
      stdout,
      stderr,
      outputs: await outputsOf(step, kept),
      seconds: (performance.now() - started) / 1000,
    }
  }

  file(name: string, text: string): Artifact {
    const path = join(this.options.work, `file-${++this.count}`, basename(name))
    return artifact(
      "file",
      name,
      mkdir(dirname(path), { recursive: true })
        .then(() => writeFile(path, text))
        .then(() => path),
    )
  }

  local(path: string): Artifact {
    const full = isAbsolute(path) ? path : resolve(this.options.root, path)
    return artifact("file", path, Promise.resolve(full))
  }

  /** A secret from the machine's own files or environment; written with mode 0600 for the time of the run. */
  secret(name: string, text: string): Secret {
    const path = join(this.options.work, `secret-${++this.count}`)
    return { name, handle: writeFile(path, text, { mode: 0o600 }).then(() => path) }
  }

  async read(artifact: Artifact, maxBytes = 64 * megabyte): Promise<string> {
    const path = await pathOf(artifact)
    const { size } = await stat(path)
    if (size > maxBytes) {
      throw new Problem(`${artifact.name} has ${size} bytes`, { why: `at most ${maxBytes} are read`, exitCode: 3 })
    }
    return readFile(path, "utf8")
  }

  async save(artifact: Artifact, path: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    await cp(await pathOf(artifact), path, { recursive: true })
  }

  async discard(artifact: Artifact): Promise<void> {
    const path = await pathOf(artifact)
    // What was given to the run from elsewhere stays.
    if (path.startsWith(`${this.options.work}/`)) await rm(path, { recursive: true, force: true })
  }

  discardShared(name: string): Promise<void> {
    return this.shared.discard(name)
  }

  async close(): Promise<void> {
    const containers = this.removeContainers().then(() => this.shared.remove())
    const ended = await Promise.allSettled([this.services.release(), containers])
    for (const image of this.loaded) await execa("docker", ["image", "rm", "--force", image], { reject: false })
    // Also where the rest failed for want of room: it is the most of what a run has on the disk.
    await rm(this.options.work, { recursive: true, force: true })
    for (const each of ended) if (each.status === "rejected") throw each.reason
  }

  private toolbox(image: `toolbox:${ToolboxPart}`): Promise<string> {
    const part = image.slice("toolbox:".length) as ToolboxPart
    this.parts.add(part)
    return this.once(image, () => this.options.toolbox(part))
  }

  /** Docker's name for an image that a step made as an OCI archive; loaded once per run, removed by `close`. */
  private load(image: Artifact): Promise<string> {
    return this.once(image, async () => {
      const path = await pathOf(image)
      const { exitCode, all } = await execa("docker", ["load", "--input", path], {
        all: true,
        reject: false,
        stdin: "ignore",
      })
      const name = /Loaded image(?: ID)?: (\S+)/.exec(all)?.[1]
      if (exitCode !== 0 || !name) {
        throw new StepError(
          `load ${image.name}`,
          { exitCode, output: all },
          "Docker needs the containerd image store to load OCI archives with zstd layers: see `fairlead doctor`",
        )
      }
      this.loaded.push(name)
      return name
    })
  }

  private once(key: unknown, make: () => Promise<string>): Promise<string> {
    const known = this.images.get(key)
    if (known) return known
    const made = make()
    this.images.set(key, made)
    return made
  }

  /** Whether a container can be started with GPUs; tried once per run, since nothing that Docker says of itself tells. */
  private handsOutGpus(image: string): Promise<boolean> {
    const argv = ["run", "--rm", "--pull", "never", "--network", "none", ...allGpus, "--entrypoint", "true", image]
    this.gpus ??= execa("docker", argv, { reject: false, stdin: "ignore" }).then(({ exitCode }) => exitCode === 0)
    return this.gpus
  }

  private async networkArguments(step: Step): Promise<string[]> {
    const services = Object.entries(step.services ?? {})
    if (services.length === 0) return step.outside ? [] : ["--network", "none"]
    const outside = services.filter((each): each is [string, CallerPort] => "callerPort" in each[1])
    const embedded = await Promise.all(outside.map(([, port]) => this.services.isEmbedded(port.callerPort)))
    const own = services.filter(([, service]) => !("callerPort" in service))
    await Promise.all(own.map(([, service]) => this.services.start(service as Service)))
    if (embedded.every(Boolean)) return ["--network", networkName]
    if (own.length > 0) {
      throw new StepError(step.name, {
        why: "a step cannot reach a service of its own and a registry outside Docker's network at once",
      })
    }
    return ["--network", "host", ...outside.flatMap(([name]) => ["--add-host", `${name}:127.0.0.1`])]
  }

  private async mountArguments(holder: Step | Service): Promise<string[]> {
    const argv: string[] = []
    for (const [path, input] of Object.entries(holder.inputs ?? {})) argv.push(...bind(await pathOf(input), path, true))
    for (const [path, secret] of Object.entries(holder.secrets ?? {})) {
      argv.push(...bind(String(await secret.handle), path, true))
    }
    for (const [path, socket] of Object.entries(("sockets" in holder && holder.sockets) || {}))
      argv.push(...bind(String(socket.handle), path, false))
    for (const [path, cache] of Object.entries(holder.caches ?? {})) {
      argv.push("--mount", `type=volume,src=${await this.services.volume(cache)},dst=${path}`)
    }
    return argv
  }

  private async sharedArguments({ shared = {} }: Step): Promise<string[]> {
    const mounts = Object.entries(shared).map(async ([path, name]) => {
      const volume = await this.shared.volume(name)
      return ["--mount", `type=volume,src=${volume},dst=${path}`]
    })
    return (await Promise.all(mounts)).flat()
  }

  private async serviceArguments(service: Service): Promise<string[]> {
    return [
      ...(await this.mountArguments(service)),
      ...(service.privileged ? ["--privileged"] : []),
      "--entrypoint",
      service.argv[0],
      await this.toolbox(service.image),
      ...service.argv.slice(1),
    ]
  }

  /** The folders that hold the outputs: path in the container -> folder on this machine. */
  private async outputFolders(step: Step, folder: string): Promise<Map<string, string>> {
    const folders = new Map<string, string>()
    for (const path of Object.values(step.outputs ?? {})) {
      const parent = path.endsWith("/") ? path.slice(0, -1) : dirname(path)
      if (folders.has(parent)) continue
      const host = join(folder, `out-${folders.size}`)
      await mkdir(host)
      await chmod(host, 0o777) // the step may run as another user; the run's own folder above is 0700
      folders.set(parent, host)
    }
    return folders
  }

  private async stream(
    step: Step,
    id: string,
    argv: string[],
  ): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const child = execa("docker", argv, {
      stdin: "ignore",
      reject: false,
      maxBuffer: 256 * megabyte,
      stripFinalNewline: false,
    })
    const stop = () => void execa("docker", ["rm", "--force", "--volumes", id], { reject: false })
    this.options.signal?.addEventListener("abort", stop, { once: true })
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => this.options.onLine?.(step.name, harmless(line)))
    }
    const { exitCode, stdout, stderr, originalMessage } = await child
    this.options.signal?.removeEventListener("abort", stop)
    this.options.signal?.throwIfAborted()
    if (exitCode === undefined)
      throw new StepError(step.name, { why: originalMessage ?? "the docker client ended", output: stderr })
    return { exitCode, stdout, stderr }
  }

  private async removeContainers(): Promise<void> {
    const filter = ["--all", "--quiet", "--filter", `label=${label}.run=${this.runId}`]
    const { stdout } = await execa("docker", ["ps", ...filter], { reject: false })
    const ids = (stdout ?? "").split("\n").filter(Boolean)
    if (ids.length > 0) await execa("docker", ["rm", "--force", "--volumes", ...ids], { reject: false })
  }
}

const artifact = (kind: Artifact["kind"], name: string, handle: Promise<string>): Artifact => {
  handle.catch(() => {}) // reported to whoever uses the artifact
  return { kind, name, handle }
}

const pathOf = async (artifact: Artifact): Promise<string> => String(await artifact.handle)

/** docker's --mount is CSV: a path with a comma or a quote has to be quoted there, and cannot be misread as an option. */
const bind = (from: string, to: string, readOnly: boolean): string[] => [
  "--mount",
  ["type=bind", `src=${from}`, `dst=${to}`, ...(readOnly ? ["readonly"] : [])]
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(","),
]

async function outputsOf(step: Step, folders: Map<string, string>): Promise<Record<string, Artifact>> {
  const outputs: Record<string, Artifact> = {}
  for (const [name, path] of Object.entries(step.outputs ?? {})) {
    const isFolder = path.endsWith("/")
    const parent = isFolder ? path.slice(0, -1) : dirname(path)
    const host = isFolder ? folders.get(parent)! : join(folders.get(parent)!, basename(path))
    if (await stat(host).catch(() => undefined)) {
      outputs[name] = artifact(isFolder ? "directory" : "file", name, Promise.resolve(host))
    }
  }
  return outputs
}
