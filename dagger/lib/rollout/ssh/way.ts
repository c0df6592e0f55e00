import { setTimeout as sleep } from "node:timers/promises"
import type { Beside } from "../../engine/engine.ts"
import { Problem } from "../../problem.ts"
import { HostUnreachable } from "../host/shell.ts"
import { configPath, type StepHosts } from "./steps.ts"

/** A port of the caller's loopback, to be had on a host's loopback as long as it is open. */
export interface Way {
  close(): Promise<void>
}

const patienceSeconds = 20
/** The registry's name in the step that leads there. */
const alias = "registry"

/**
 * Lets a host reach the registry that only the caller's loopback knows, under the same name: OpenSSH's reverse tunnel in a
 * step beside the others. A connection that is cut is made again as long as the way is open.
 */
export async function openWay(hosts: StepHosts, engine: Beside, host: string, port: number): Promise<Way> {
  const tunnel = forward(port)
  const refused = await refusal(hosts, host, tunnel)
  if (refused !== undefined) {
    // A run that was killed may have left its own behind: it leads to the same registry, and what is pulled is checked by
    // its digest.
    if (await answers(hosts, host, port)) return { close: async () => {} }
    throw noWay(host, port, refused)
  }
  const step = hosts.step(host, `a way to the registry for ${host}`, { [alias]: { callerPort: port } })
  const argv = ["sh", "-c", again, "sh", "-F", configPath, "-N", ...tunnel, host] as const
  const { stop } = await engine.start({ ...step, argv })
  try {
    for (const deadline = Date.now() + patienceSeconds * 1000; Date.now() < deadline; await sleep(500))
      if (await listens(hosts, host, port)) return { close: stop }
    throw noWay(host, port, `nothing listened there within ${patienceSeconds} s`)
  } catch (error) {
    await stop()
    throw error
  }
}

const noWay = (host: string, port: number, why: string): Problem =>
  new Problem(`it cannot be given a way to the registry on your own port ${port}`, {
    where: host,
    why: why || "its sshd does not forward ports",
    fix: `allow it in sshd_config on ${host} (AllowTcpForwarding yes), or ship to a registry that ${host} reaches by itself`,
  })

const forward = (port: number): string[] => [
  ...["-o", "ExitOnForwardFailure=yes"],
  ...["-R", `127.0.0.1:${port}:${alias}:${port}`],
]

/** Why the host would not listen for it; undefined where it would. A step beside others keeps what OpenSSH says to itself. */
async function refusal(hosts: StepHosts, host: string, tunnel: readonly string[]): Promise<string | undefined> {
  try {
    await hosts.forwarding(host, tunnel, ["true"])
    return undefined
  } catch (error) {
    if (error instanceof HostUnreachable && error.reason === "lost") return error.details.why ?? error.what
    throw error
  }
}

const again = `while :; do ssh "$@"; sleep 1; done`

/** By the host's own table of sockets: no tool is needed there. */
async function listens(hosts: StepHosts, host: string, port: number): Promise<boolean> {
  const at = port.toString(16).toUpperCase().padStart(4, "0")
  const pattern = `^ *[0-9]+: [0-9A-F]+:${at} [0-9A-F]+:0000 0A `
  const { exitCode } = await hosts.run(host, ["grep", "-Eqs", pattern, "/proc/net/tcp", "/proc/net/tcp6"])
  return exitCode === 0
}

const answers = (hosts: StepHosts, host: string, port: number): Promise<boolean> =>
  hosts
    .run(host, ["curl", "--silent", "--fail", "--max-time", "5", `http://127.0.0.1:${port}/v2/`], {
      timeoutSeconds: 10,
    })
    .then(
      ({ exitCode }) => exitCode === 0,
      () => false,
    )
