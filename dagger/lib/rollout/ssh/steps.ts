import { readFileSync } from "node:fs"
import pLimit, { type LimitFunction } from "p-limit"
import { type Engine, harmless, type Secret, type Socket, type Step, StepError } from "../../engine/engine.ts"
import { Problem, wrongInput } from "../../problem.ts"
import { isLoopback } from "../../release/registry.ts"
import { type HostAnswer, type HostShell, HostUnreachable, type OnHost } from "../host/shell.ts"
import { quotedLine } from "../quote.ts"
import { configText, knownHostsText } from "./config.ts"
import type { Target } from "./target.ts"
import { unreachable } from "./unreachable.ts"

/** What logs in: a private key, or an agent that has some. */
export type Login = { key: Secret } | { agent: Socket }

// Each command is a connection of its own here, and an sshd refuses some of those where many begin at once (MaxStartups).
const commandsPerHost = 4
const mostBytes = 1_000_000
// OpenSSH refuses a key that others may read, unless it is somebody else's: root's, who is not this one.
const nobody = "65534:65534"
const folder = "/run/fairlead"
const keyPath = `${folder}/key`
const agentPath = `${folder}/agent`
const inputPath = `${folder}/input`
const script = readFileSync(new URL("./answer.sh", import.meta.url), "utf8")

/** Hosts reached by OpenSSH in steps of an engine, a connection for each command. Nothing of it is ever answered from a cache. */
export class StepHosts implements HostShell {
  private readonly targets: ReadonlyMap<string, Target>
  private readonly limits = new Map<string, LimitFunction>()
  private everAnswered = false

  constructor(
    private readonly engine: Engine,
    targets: readonly Target[],
    private readonly login: Login,
  ) {
    this.targets = new Map(targets.map((target) => [target.host, target]))
    for (const host of this.targets.keys()) this.limits.set(host, pLimit(commandsPerHost))
  }

  run(host: string, argv: readonly [string, ...string[]], options: OnHost = {}): Promise<HostAnswer> {
    return this.limits.get(this.target(host).host)!(() => this.ask(host, [quotedLine(argv)], options))
  }

  /** The same with words for OpenSSH itself before the host's name: `-R` and the like. */
  forwarding(host: string, options: readonly string[], argv: readonly [string, ...string[]]): Promise<HostAnswer> {
    return this.ask(host, [quotedLine(argv)], {}, options)
  }

  /** A step that runs `ssh … host …` in the toolbox part; `services` beside the host itself. */
  step(host: string, name: string, services: NonNullable<Step["services"]> = {}): Omit<Step, "argv"> {
    const target = this.target(host)
    const seen = seenFromStep(target)
    const [login, config] =
      "key" in this.login
        ? [{ secrets: { [keyPath]: this.login.key } }, { identityFile: keyPath }]
        : [{ sockets: { [agentPath]: this.login.agent } }, { identityFile: undefined }]
    const files = { knownHosts: `${folder}/known_hosts`, ...("agent" in this.login && { agent: agentPath }) }
    const text = configText([{ ...target, ...seen, ...config }], files)
    return {
      ...{ name, image: "toolbox:ssh", outside: true, look: "again", user: nobody, env: { LC_ALL: "C" } },
      ...login,
      inputs: {
        [configPath]: this.engine.file("ssh_config", text),
        [files.knownHosts]: this.engine.file("known_hosts", knownHostsText([target])),
      },
      services: { ...(isOnLoopback(target) && { [seen.address]: { callerPort: target.port } }), ...services },
    }
  }

  private target(host: string): Target {
    const target = this.targets.get(host)
    if (!target) throw new TypeError(`${host} is none of the hosts that were opened`)
    return target
  }

  private async ask(
    host: string,
    command: readonly string[],
    { input = "", timeoutSeconds = 60 }: OnHost,
    options: readonly string[] = [],
  ): Promise<HostAnswer> {
    const target = this.target(host)
    const step = this.step(host, `ask ${host}`)
    const words = ["-F", configPath, "-T", ...options, host, ...command]
    const limits = [`${timeoutSeconds}`, `${mostBytes}`, input === "" ? "/dev/null" : inputPath]
    const ended = await this.ended(host, {
      ...step,
      argv: ["sh", "-c", script, "sh", ...limits, ...words],
      inputs: { ...step.inputs, ...(input !== "" && { [inputPath]: this.engine.file("input", input) }) },
    })
    const { exitCode, seconds, timedOut } = ended
    const [stdout, stderr] = [harmless(ended.stdout), harmless(ended.stderr)]
    if ([ended.stdout, ended.stderr].some((text) => Buffer.byteLength(text) >= mostBytes))
      throw new HostUnreachable(host, "lost", "its answer had no end", {
        why: `it wrote ${mostBytes} bytes and more`,
        fix: `log in to ${host} and look what is written there`,
      })
    const offered = "key" in this.login ? "only --ssh-key was offered" : "those of --ssh-agent were offered"
    if (timedOut) throw unreachable(target, { stderr, seconds: timeoutSeconds, offered, timedOut })
    if (exitCode === 255) throw unreachable(target, { stderr, seconds, offered })
    return { exitCode, stdout, stderr, seconds }
  }

  /**
   * An engine that could run such steps before and cannot now is like a connection that was cut: hosts go on by
   * themselves, and are asked again. One that never could is told at once.
   */
  private async ended(host: string, step: Step): Promise<HostAnswer & { timedOut: boolean }> {
    try {
      const { stdout, stderr } = await this.engine.run(step)
      const answer = readEnded(stdout)
      this.everAnswered = true
      return { ...answer, stderr }
    } catch (error) {
      if (!(error instanceof StepError) || !this.everAnswered) throw error
      throw new HostUnreachable(host, "lost", "the engine could not run the step that asks it", {
        why: error.details.why,
        fix: "look at the engine, then run the same command again",
      })
    }
  }
}

/** Where a step finds OpenSSH's configuration. */
export const configPath = `${folder}/config`

/** A host on the caller's own loopback, such as the demo's: a step reaches it by a service of the caller's. */
export const isOnLoopback = ({ address }: Pick<Target, "address">): boolean => isLoopback({ host: address })

const seenFromStep = (target: Target): { address: string } => ({
  address: isOnLoopback(target) ? `host-${target.host}` : target.address,
})

/** What answer.sh wrote last: how ssh ended, after how many seconds, and whether it was cut short. */
function readEnded(stdout: string): Omit<HostAnswer, "stderr"> & { timedOut: boolean } {
  const [, rest, exitCode, seconds, timedOut] = /^([\s\S]*)\n(\d{1,3}) (\d{1,7}) ([01])\n$/.exec(stdout) ?? []
  if (rest === undefined) throw new Problem("the step that asks a host did not say how it ended")
  return { stdout: rest, exitCode: Number(exitCode), seconds: Number(seconds), timedOut: timedOut === "1" }
}

/** Throws (exit code 2) where hosts are on the caller's loopback and no service leads to them: told for all at once. */
export function requireServices(targets: readonly Target[], ports: readonly number[]): void {
  const missing = targets.filter((target) => isOnLoopback(target) && !ports.includes(target.port))
  if (missing.length === 0) return
  const names = missing.map(({ host }) => host).join(", ")
  throw wrongInput(
    `${names} ${missing.length > 1 ? "are" : "is"} on your own loopback, which an engine does not reach`,
    {
      where: "--host-service",
      fix: `pass ${missing.map(({ address, port }) => `--host-service tcp://${address}:${port}`).join(" ")}`,
    },
  )
}
