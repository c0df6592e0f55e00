import { access, constants } from "node:fs/promises"
import { execa, type ResultPromise } from "execa"
import { Problem } from "../../dagger/lib/problem.ts"
import type { HostAnswer } from "../../dagger/lib/rollout/host/shell.ts"
import { quotedLine } from "../../dagger/lib/rollout/quote.ts"
import type { SshHosts } from "./ssh.ts"

/** A port of this machine's loopback, to be had on a host's loopback as long as it is open. */
export interface Tunnel {
  close(): Promise<void>
}

const patienceSeconds = 20

/**
 * Lets a host reach the registry that only this machine's loopback knows, under the same name. It is a connection of its
 * own: Docker keeps its connections to a registry open for minutes, and OpenSSH waits for those before a session ends.
 */
export async function openTunnel(shell: SshHosts, host: string, port: number): Promise<Tunnel> {
  let said = ""
  for (const deadline = Date.now() + patienceSeconds * 1000; Date.now() < deadline; ) {
    const tunnel = await tried(shell, host, port)
    if ("close" in tunnel) return tunnel
    said = tunnel.said
    // A run that was killed may have left its own behind: it leads to the same registry, and what is pulled is checked
    // by its digest.
    if (await answers(shell, host, port)) return { close: async () => {} }
    await new Promise((next) => setTimeout(next, 1000))
  }
  throw new Problem(`it cannot be given a way to the registry on this machine's port ${port}`, {
    where: host,
    why: said || "its sshd does not forward ports",
    fix: `allow it in sshd_config on ${host} (AllowTcpForwarding yes), or ship to a registry that ${host} reaches by itself`,
  })
}

async function tried(shell: SshHosts, host: string, port: number): Promise<Tunnel | { said: string }> {
  const there = `127.0.0.1:${port}`
  // `cat` lives as long as this process holds its input open.
  const argv = [
    ...shell.options(),
    "-T",
    "-o",
    "ControlMaster=no",
    "-o",
    "ControlPath=none",
    "-o",
    "ExitOnForwardFailure=yes",
  ]
  const words = ["-R", `${there}:${there}`, host, quotedLine(["sh", "-c", "echo ready; exec cat"])]
  const child = execa(...(await dyingWithUs(["ssh", ...argv, ...words])), {
    reject: false,
    stdin: "pipe",
    env: { LC_ALL: "C" },
  })
  const close = async () => {
    child.kill("SIGKILL")
    await child
  }
  return (await isReady(child))
    ? { close }
    : {
        said:
          String((await child).stderr)
            .trim()
            .split("\n")
            .at(-1) ?? "",
      }
}

const isReady = (
  child: ResultPromise<{ reject: false; stdin: "pipe"; env: Record<string, string> }>,
): Promise<boolean> =>
  new Promise((answer) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceSeconds * 1000)
    const told = (ready: boolean) => {
      clearTimeout(timer)
      answer(ready)
    }
    child.stdout.on("data", (data: Buffer) => /ready/.test(String(data)) && told(true))
    child.once("exit", () => told(false))
    child.once("error", () => told(false))
  })

/** Where Linux' setpriv is there, a killed Fairlead takes its tunnel along. */
async function dyingWithUs(argv: string[]): Promise<[string, string[]]> {
  const setpriv = "/usr/bin/setpriv"
  const there = await access(setpriv, constants.X_OK).then(
    () => process.platform === "linux",
    () => false,
  )
  const [command = "", ...rest] = argv
  return there ? [setpriv, ["--pdeathsig", "KILL", command, ...rest]] : [command, rest]
}

const answers = (shell: SshHosts, host: string, port: number): Promise<boolean> =>
  shell
    .run(host, ["curl", "--silent", "--fail", "--max-time", "5", `http://127.0.0.1:${port}/v2/`], {
      timeoutSeconds: 10,
    })
    .then(
      ({ exitCode }: HostAnswer) => exitCode === 0,
      () => false,
    )
