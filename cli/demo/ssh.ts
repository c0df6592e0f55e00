import type { DemoYard } from "../../dagger/lib/fleet/demo.ts"

/** The hosts by their names and not by port, since OpenSSH is told to look for the name. */
export const knownHosts = ({ hosts }: DemoYard): string =>
  Object.entries(hosts)
    .map(([name, { hostKey }]) => `${name} ${hostKey}\n`)
    .join("")

/** `ssh -F THIS mainpc`: strict, and without a look at any other configuration, agent or key of this machine. */
export const sshConfig = ({ hosts, name }: DemoYard, knownHostsFile: string): string =>
  [
    `# How OpenSSH reaches the hosts of the yard "${name}": ssh -F this-file ${Object.keys(hosts)[0]}`,
    ...Object.entries(hosts).flatMap(([name, { address, port, user, identityFile }]) => [
      `Host ${name}`,
      `  HostName ${address}`,
      `  Port ${port}`,
      `  User ${user}`,
      `  HostKeyAlias ${name}`,
      `  IdentityFile "${identityFile}"`,
    ]),
    "Host *",
    `  UserKnownHostsFile "${knownHostsFile}"`,
    "  GlobalKnownHostsFile none",
    "  StrictHostKeyChecking yes",
    "  IdentitiesOnly yes",
    "  IdentityAgent none",
    "  BatchMode yes",
    "  ConnectTimeout 10",
    "",
  ].join("\n")
