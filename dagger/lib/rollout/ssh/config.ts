import { wrongInput } from "../../problem.ts"
import type { Target } from "./target.ts"

/** The only keys that hosts may show, by the names under which OpenSSH looks for them. */
export const knownHostsText = (targets: readonly Target[]): string =>
  targets.map(({ host, hostKey }) => `${host} ${hostKey}\n`).join("")

/** Files that OpenSSH works with. */
export interface SshFiles {
  /** What `knownHostsText` wrote. */
  knownHosts: string
  /** A folder for connections that are shared and kept for a while. Default: each command has one of its own. */
  connections?: string
  /** The socket of the agent that has the keys. Default: as the environment says. */
  agent?: string
}

/**
 * Everything that OpenSSH is told, for `ssh -F THIS host`: with -F it reads neither the user's configuration nor the
 * machine's, so that no alias, proxy or forwarding of theirs changes who is spoken to.
 */
export function configText(targets: readonly Target[], { knownHosts, connections, agent }: SshFiles): string {
  return [
    ...targets.flatMap(({ host, address, port, user, identityFile }, index) => [
      `Host ${host}`,
      `  HostName ${address}`,
      `  Port ${port}`,
      `  User ${user}`,
      `  HostKeyAlias ${host}`,
      // A socket's path may have some 100 characters, and OpenSSH adds 17 while it makes it.
      ...(connections === undefined ? [] : [`  ControlPath ${path(`${connections}/${index}`)}`]),
      ...(identityFile ? [`  IdentityFile ${path(identityFile)}`, "  IdentitiesOnly yes", "  IdentityAgent none"] : []),
    ]),
    "Host *",
    `  UserKnownHostsFile ${path(knownHosts)}`,
    "  GlobalKnownHostsFile none",
    "  StrictHostKeyChecking yes",
    "  HostKeyAlgorithms ssh-ed25519",
    "  UpdateHostKeys no",
    "  BatchMode yes",
    "  ConnectTimeout 10",
    "  ServerAliveInterval 5",
    "  ServerAliveCountMax 3",
    "  ForwardAgent no",
    "  ForwardX11 no",
    ...(agent === undefined ? [] : [`  IdentityAgent ${path(agent)}`]),
    // Whatever becomes of this process, the connection ends by itself.
    ...(connections === undefined ? ["  ControlMaster no"] : ["  ControlMaster auto", "  ControlPersist 30"]),
    "  LogLevel ERROR",
    "",
  ].join("\n")
}

/** OpenSSH puts other text in the place of %d and ${HOME}, and has no way to write a quote within quotes in every version. */
function path(name: string): string {
  if (/["\\\n\r]|\$\{/.test(name))
    throw wrongInput("OpenSSH cannot be told of a path with a quote, a backslash or ${", { where: name })
  return `"${name.replaceAll("%", "%%")}"`
}
