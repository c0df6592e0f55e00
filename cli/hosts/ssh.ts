import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { execa } from "execa"
import pLimit, { type LimitFunction } from "p-limit"
import { harmless } from "../../dagger/lib/engine/engine.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { type HostAnswer, type HostShell, HostUnreachable, type OnHost } from "../../dagger/lib/rollout/host/shell.ts"
import { quotedLine } from "../../dagger/lib/rollout/quote.ts"
import { configText, knownHostsText } from "../../dagger/lib/rollout/ssh/config.ts"
import type { Target } from "../../dagger/lib/rollout/ssh/target.ts"
import { unreachable } from "../../dagger/lib/rollout/ssh/unreachable.ts"
import { runFolder } from "./run-folder.ts"

// An sshd takes 10 sessions of one connection unless it is told otherwise (MaxSessions), and refuses the next.
const sessionsPerHost = 8
const mostCharacters = 1_000_000

/** Hosts reached by OpenSSH, one connection for each, as long as a run goes on. Always `close()` it. */
export class SshHosts implements HostShell {
  private readonly limits = new Map<string, LimitFunction>()

  private constructor(
    private readonly targets: ReadonlyMap<string, Target>,
    private readonly folder: string,
  ) {
    for (const host of targets.keys()) this.limits.set(host, pLimit(sessionsPerHost))
  }

  /** Connects to nothing yet. */
  static async open(targets: readonly Target[]): Promise<SshHosts> {
    const folder = await runFolder()
    try {
      const knownHosts = join(folder, "known_hosts")
      await writeFile(join(folder, "config"), configText(targets, { knownHosts, connections: folder }), { mode: 0o600 })
      await writeFile(knownHosts, knownHostsText(targets), { mode: 0o600 })
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
    return new SshHosts(new Map(targets.map((target) => [target.host, target])), folder)
  }

  /** What every ssh of this run is told first. */
  options = (): string[] => ["-F", join(this.folder, "config")]

  run(host: string, argv: readonly [string, ...string[]], options: OnHost = {}): Promise<HostAnswer> {
    const target = this.targets.get(host)
    if (!target) throw new TypeError(`${host} is none of the hosts that were opened`)
    return this.limits.get(host)!(() => this.ask(target, argv, options))
  }

  /** Ends the connections and removes what was written down for them. */
  async close(): Promise<void> {
    const ends = [...this.targets.keys()].map((host) =>
      this.ssh(["-O", "exit", host], { input: "", timeoutSeconds: 5 }).catch(() => undefined),
    )
    await Promise.all(ends)
    await rm(this.folder, { recursive: true, force: true })
  }

  private async ask(
    target: Target,
    argv: readonly string[],
    { input = "", timeoutSeconds = 60 }: OnHost,
  ): Promise<HostAnswer> {
    const started = performance.now()
    const ended = await this.ssh(["-T", target.host, quotedLine(argv)], { input, timeoutSeconds })
    const seconds = (performance.now() - started) / 1000
    const [stdout, stderr] = [harmless(ended.stdout), harmless(ended.stderr)]
    if (ended.isMaxBuffer)
      throw new HostUnreachable(target.host, "lost", "its answer had no end", {
        why: `${argv[0]} wrote more than ${mostCharacters} characters`,
        fix: `log in to ${target.host} and look what ${argv[0]} writes there`,
      })
    if (ended.code === "ENOENT")
      throw new Problem("there is no ssh on this machine", { fix: "install OpenSSH's client (openssh-client)" })
    const offered = offeredFor(target)
    if (ended.timedOut) throw unreachable(target, { stderr, seconds: timeoutSeconds, offered, timedOut: true })
    if (ended.exitCode === undefined || ended.exitCode === 255) throw unreachable(target, { stderr, seconds, offered })
    return { exitCode: ended.exitCode, stdout, stderr, seconds }
  }

  private async ssh(argv: string[], { input, timeoutSeconds }: Required<OnHost>) {
    const child = execa("ssh", [...this.options(), ...argv], {
      reject: false,
      input,
      maxBuffer: mostCharacters,
      stripFinalNewline: false,
      // What the system says of a connection is read here, so it has to be in one language.
      env: { LC_ALL: "C" },
    })
    let timedOut = false
    // The process that keeps the connection has the pipes as well, and holds them for as long as the command goes on
    // there: they are let go of here, or a host that stands still would be waited for after all.
    const timer = setTimeout(() => {
      timedOut = true
      child.kill("SIGKILL")
      child.stdout.destroy()
      child.stderr.destroy()
    }, timeoutSeconds * 1000)
    const { exitCode, stdout, stderr, code, isMaxBuffer } = await child
    clearTimeout(timer)
    return { exitCode, stdout, stderr, code, isMaxBuffer, timedOut }
  }
}

const offeredFor = ({ identityFile }: Target): string => {
  if (identityFile) return `only ${identityFile} was offered`
  const agent = process.env.SSH_AUTH_SOCK ? "those of the agent (ssh-add -l)" : "no agent (SSH_AUTH_SOCK is not set)"
  return `${agent} and ~/.ssh/id_* were offered`
}
