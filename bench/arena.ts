import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { run, toldBy } from "../cli/setup/command.ts"
import { ping } from "../cli/setup/registry.ts"
import { toolboxImage } from "../cli/setup/toolbox.ts"
import { inHome, label } from "../cli/state.ts"
import { buildkitConfig } from "../dagger/lib/build/buildkit.ts"
import type { Policy } from "../dagger/lib/fleet/policy.ts"
import { Problem } from "../dagger/lib/problem.ts"

/** What a registry was asked for and what went into and out of it. */
export interface Traffic {
  requests: number
  received: number
  sent: number
}

/**
 * What one competitor has to itself: a network, a registry, a BuildKit with a volume, and a state folder; an instance of
 * Fairlead in its own words. All are alike, all can be emptied, and nobody else's are touched.
 */
export class Arena {
  private constructor(
    readonly name: string,
    readonly home: string,
    /** A loopback address of its own, so that every arena's registry has the port that Fairlead's has. */
    readonly registry: string,
    private readonly policy: Policy,
  ) {}

  static async open(name: string, policy: Policy): Promise<Arena> {
    const instance = `bench-${name}-${process.pid}`
    const home = await mkdtemp(join(tmpdir(), `fairlead-${instance}-`))
    // Read only by whoever finds it ready; the benchmark sees to that first.
    await symlink(inHome("bases"), join(home, "bases"))
    const arena = new Arena(instance, home, loopback(), policy)
    await must("no network for the benchmark", ["docker", "network", "create", ...labels, arena.docker()])
    await arena.startRegistry()
    return arena
  }

  /** For a process that is to be Fairlead in this arena. */
  get env(): Record<string, string> {
    const { name, home, registry } = this
    const own = { FAIRLEAD_INSTANCE: name, FAIRLEAD_HOME: home, FAIRLEAD_REGISTRY: `${registry}/fleet` }
    return { ...own, FAIRLEAD_ENGINE: "docker" }
  }

  /** In it the registry is `registry:5000`. */
  get network(): string {
    return this.docker()
  }

  /** A folder for buildx's own list of builders. */
  get buildxEnv(): Record<string, string> {
    return { BUILDX_CONFIG: join(this.home, "buildx") }
  }

  /** Up until it is stopped, as a buildx builder is; the very BuildKit that Fairlead starts for itself. */
  async startBuildkit(): Promise<string> {
    const config = join(this.home, "buildkitd.toml")
    await writeFile(config, buildkitConfig("docker", this.policy))
    await run(["docker", "rm", "--force", this.docker("buildkit")])
    await must("the benchmark's BuildKit did not start", [
      ...["docker", "run", "--detach", "--name", this.docker("buildkit"), ...labels, "--privileged", "--pull", "never"],
      ...["--network", this.docker(), "--network-alias", "buildkit"],
      ...["--mount", `type=volume,src=${await this.volume("buildkit")},dst=/var/lib/buildkit`],
      ...["--mount", `type=bind,src=${config},dst=/etc/buildkit/buildkitd.toml,readonly`],
      ...["--entrypoint", "buildkitd", await toolboxImage("build")],
      ...["--addr", "tcp://0.0.0.0:1234", "--config", "/etc/buildkit/buildkitd.toml"],
    ])
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    const { stdout } = await run(["docker", "inspect", "--format", format, this.docker("buildkit")])
    await until(async () => {
      const tcp = await run(["docker", "exec", this.docker("buildkit"), "cat", "/proc/net/tcp", "/proc/net/tcp6"])
      return / \S+:04D2 \S+ 0A /.test(tcp.stdout)
    }, "the benchmark's BuildKit does not answer")
    return `tcp://${stdout.trim()}:1234`
  }

  async stopBuildkit(): Promise<void> {
    await run(["docker", "stop", "--time", "20", this.docker("buildkit")])
    await run(["docker", "rm", "--force", this.docker("buildkit")])
  }

  /** As on a machine that never built: no cache, no records. What the registry has stays. */
  async freshRunner(): Promise<void> {
    await this.stopBuildkit()
    await run(["docker", "volume", "rm", "--force", this.docker("buildkit")])
    await this.removePulled()
    for (const name of await readdir(this.home)) {
      // Its key is a person's, who takes it along; bases and tools are everybody's to have ready.
      if (name !== "bases" && name !== "keys") await rm(join(this.home, name), { recursive: true, force: true })
    }
  }

  async empty(): Promise<void> {
    await this.freshRunner()
    await this.removeRegistry()
    await this.startRegistry()
  }

  async close(): Promise<void> {
    await this.freshRunner()
    await this.removeRegistry()
    await run(["docker", "network", "rm", this.docker()])
    await rm(this.home, { recursive: true, force: true })
  }

  /** Counted since the registry was started. */
  async traffic(): Promise<Traffic> {
    const { stdout: pid } = await run(["docker", "inspect", "--format", "{{.State.Pid}}", this.docker("registry")])
    const [received, sent] = countersOf(await readFile(`/proc/${pid.trim()}/net/dev`, "utf8"))
    const { stdout, stderr } = await run(["docker", "logs", this.docker("registry")])
    return { requests: requestsIn(`${stdout}\n${stderr}`), received, sent }
  }

  /** What was pulled from its registry to be started. */
  private async removePulled(): Promise<void> {
    const { stdout } = await run(["docker", "image", "ls", "--quiet", "--filter", `reference=${this.registry}/fleet/*`])
    const ids = [...new Set(stdout.split("\n").filter(Boolean))]
    if (ids.length > 0) await run(["docker", "image", "rm", "--force", ...ids])
  }

  private docker(...parts: string[]): string {
    return ["fairlead", "instance", this.name, ...parts].join("-")
  }

  private async volume(of: string): Promise<string> {
    await must("no volume for the benchmark", ["docker", "volume", "create", ...labels, this.docker(of)])
    return this.docker(of)
  }

  /** The embedded registry, as set-up makes it, with its access log on. */
  private async startRegistry(): Promise<void> {
    await mkdir(this.home, { recursive: true })
    const image = await toolboxImage("registry")
    await must("the benchmark's registry did not start", [
      ...[
        "docker",
        "run",
        "--detach",
        "--name",
        this.docker("registry"),
        ...labels,
        "--label",
        `${label}.image=${image}`,
      ],
      ...["--network", this.docker(), "--network-alias", "registry", "--publish", `${this.registry}:5000`],
      ...["--mount", `type=volume,src=${await this.volume("registry")},dst=/var/lib/registry`, "--pull", "never"],
      ...["--env", "REGISTRY_LOG_ACCESSLOG_DISABLED=false", image],
    ])
    const answers = async () => (await ping(this.registry)) === "registry"
    await until(answers, "the benchmark's registry does not answer")
  }

  private async removeRegistry(): Promise<void> {
    await run(["docker", "rm", "--force", this.docker("registry")])
    await run(["docker", "volume", "rm", "--force", this.docker("registry")])
  }
}

const labels = ["--label", `${label}=1`] as const

/** Lines of the access log in Apache's combined format; anything else is the registry's own talk. */
export const requestsIn = (log: string): number =>
  log.split("\n").filter((line) => /"(?:GET|HEAD|PUT|POST|PATCH|DELETE) \/v2\/\S+ HTTP\//.test(line)).length

/** Bytes in and out of eth0, by the kernel's own account of a network namespace. */
export function countersOf(dev: string): [received: number, sent: number] {
  const fields = /^\s*eth0:\s*(.*)$/m.exec(dev)?.[1]?.trim().split(/\s+/)
  if (!fields) throw new Error(`no eth0 in /proc/net/dev:\n${dev}`)
  return [Number(fields[0]), Number(fields[8])]
}

/** Runs a command that has to succeed. */
async function must(what: string, argv: readonly string[]): Promise<void> {
  const [file, ...rest] = argv as [string, ...string[]]
  const ended = await run([file, ...rest])
  if (ended.exitCode !== 0) throw new Problem(what, { why: toldBy([file], ended) })
}

async function until(there: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) if (await there()) return
  throw new Error(otherwise)
}

let opened = 0

/** All of 127.0.0.0/8 is this machine's own; the process's number keeps two benchmarks apart. */
function loopback(): string {
  opened += 1
  const number = process.pid % 2 ** 16
  return `127.${100 + opened}.${Math.floor(number / 256)}.${number % 256 || 1}:5000`
}
