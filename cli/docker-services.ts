import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { execa } from "execa"
import { type Service, StepError } from "../dagger/lib/engine/engine.ts"
import { dockerName } from "./instance.ts"
import { locked } from "./setup/lock.ts"
import { networkName } from "./setup/network.ts"
import { lifeOf } from "./setup/process.ts"
import { registryContainer } from "./setup/registry.ts"
import { inHome, label } from "./state.ts"

/**
 * The services of steps (BuildKit), one container each however many runs there are: BuildKit's state may be opened by one
 * daemon only. Each run signs a service's guest list; the last one to leave stops it. A killed run's name is struck off
 * by the next one.
 */
export class DockerServices {
  private readonly started = new Map<string, Promise<void>>()
  private readonly volumes = new Map<string, Promise<string>>()
  /** What Docker says of the ports of the embedded registry. */
  private ports?: Promise<string>

  constructor(
    private readonly run: string,
    private readonly argumentsOf: (service: Service) => Promise<string[]>,
  ) {}

  start(service: Service): Promise<void> {
    const known = this.started.get(service.name)
    if (known) return known
    const starting = this.startShared(service)
    this.started.set(service.name, starting)
    return starting
  }

  /** A named volume for a cache, labelled so that `clean` finds it. */
  volume(cache: string): Promise<string> {
    const name = dockerName(cache)
    const known = this.volumes.get(name)
    if (known) return known
    const made = execa("docker", ["volume", "create", "--label", `${label}=1`, name]).then(() => name)
    this.volumes.set(name, made)
    return made
  }

  /** Whether the embedded registry is what listens on this port of the loopback; it then has a name in Docker's network. */
  async isEmbedded(port: number): Promise<boolean> {
    this.ports ??= execa("docker", ["port", registryContainer], { reject: false }).then(({ stdout }) => stdout ?? "")
    return (await this.ports).split("\n").some((line) => line.startsWith(`${port}/`) && line.endsWith(`:${port}`))
  }

  /** Leaves every service; stops those that no other run uses. */
  async release(): Promise<void> {
    for (const name of this.started.keys()) {
      await locked(`service-${dockerName(name)}`, quiet, async () => {
        await rm(join(guests(name), this.run), { force: true })
        if ((await guestsOf(name)).length > 0) return
        await execa("docker", ["stop", "--time", "20", container(name)], { reject: false })
        await execa("docker", ["rm", "--force", container(name)], { reject: false })
      })
    }
    this.started.clear()
  }

  private async startShared(service: Service): Promise<void> {
    const name = container(service.name)
    await locked(`service-${name}`, quiet, async () => {
      await mkdir(guests(service.name), { recursive: true })
      await writeFile(join(guests(service.name), this.run), `${process.pid}`)
      if (await isRunning(name)) return
      await execa("docker", ["rm", "--force", name], { reject: false })
      const { exitCode, all } = await execa(
        "docker",
        [
          "run",
          "--detach",
          "--name",
          name,
          "--label",
          `${label}=1`,
          "--network",
          networkName,
          "--network-alias",
          service.name,
          "--pull",
          "never",
          ...(await this.argumentsOf(service)),
        ],
        { all: true, reject: false, stdin: "ignore" },
      )
      if (exitCode !== 0) throw new StepError(`service ${service.name}`, { exitCode, output: all })
    })
    await this.answers(service)
  }

  /** Waits until the service's port is bound, by the container's own socket table: no tool is needed inside. */
  private async answers(service: Service): Promise<void> {
    const name = container(service.name)
    const port = service.port.toString(16).toUpperCase().padStart(4, "0")
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
      const { stdout } = await execa("docker", ["exec", name, "cat", "/proc/net/tcp", "/proc/net/tcp6"], {
        reject: false,
      })
      if (stdout?.split("\n").some((line) => line.includes(`:${port} `) && / 0A /.test(line))) return
      if (!(await isRunning(name))) break
    }
    const { all } = await execa("docker", ["logs", "--tail", "20", name], { all: true, reject: false })
    throw new StepError(`service ${service.name}`, { why: `nothing answers on its port ${service.port}`, output: all })
  }
}

const quiet = { say: () => {} }

const container = (service: string): string => dockerName(service)

const guests = (service: string): string => inHome("services", dockerName(service).slice("fairlead-".length))

async function isRunning(name: string): Promise<boolean> {
  const { stdout } = await execa("docker", ["inspect", "--format", "{{.State.Running}}", name], { reject: false })
  return stdout === "true"
}

/** The runs that still live; others are struck off. */
async function guestsOf(service: string): Promise<string[]> {
  const alive: string[] = []
  for (const run of await readdir(guests(service)).catch(() => [])) {
    const pid = Number(await readFile(join(guests(service), run), "utf8").catch(() => "0"))
    if (lifeOf(pid)) alive.push(run)
    else await rm(join(guests(service), run), { force: true })
  }
  return alive
}
