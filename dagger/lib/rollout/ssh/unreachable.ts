import { HostUnreachable } from "../host/shell.ts"
import type { Target } from "./target.ts"

export interface Silence {
  /** What OpenSSH said. */
  stderr: string
  seconds: number
  /** Which keys it had to log in with: "only ~/key was offered". */
  offered: string
  /** The answer was not waited for any longer. */
  timedOut?: boolean
}

/** Why OpenSSH brought no answer, as a sentence with what to do. It says so by exit code 255 and in plain text only. */
export function unreachable(target: Target, { stderr, seconds, offered, timedOut }: Silence): HostUnreachable {
  const { host, address, port, user, writtenIn } = target
  const at = `${address}:${port}`
  const said = lastLine(stderr)
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|no matching host key/i.test(stderr))
    return new HostUnreachable(host, "key", "it does not show the key that is written down for it", {
      why: `${at} may be another machine, or its key was renewed; nothing was sent to it`,
      fix:
        `compare \`ssh-keyscan -t ed25519 -p ${port} ${address}\` with /etc/ssh/ssh_host_ed25519_key.pub on ${host} itself, ` +
        `and only if they agree change hosts.${host}.hostKey in ${writtenIn}`,
    })
  if (/Permission denied \(|Too many authentication failures/.test(stderr))
    return new HostUnreachable(host, "permission", `${user} may not log in`, {
      why: `${at} took none of the keys: ${offered}`,
      fix: `add the public key to ~${user}/.ssh/authorized_keys on ${host} (ssh-copy-id), or \`ssh-add\` the right one here`,
    })
  if (timedOut)
    return new HostUnreachable(host, "slow", `it gave no answer within ${seconds} s`, {
      why: `what was asked of ${at} may still go on there`,
      fix: `look at ${host}: its load, its disk, and whether \`docker ps\` answers`,
    })
  const never =
    /connect to host|Could not resolve|Connection timed out|No route to host|Connection refused|banner exchange|kex_exchange/i
  if (never.test(stderr))
    return new HostUnreachable(host, "network", `nobody answers at ${at}`, {
      why: said,
      fix: `see that ${host} is switched on and on the network, that sshd runs there, and that hosts.${host} in ${writtenIn} has its address and port`,
    })
  return new HostUnreachable(host, "lost", "the connection ended before the answer", {
    why: said || `ssh to ${at} exited 255`,
    fix: `try again; \`journalctl -u ssh\` on ${host} tells what sshd knows of it`,
  })
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.slice(0, 300) ?? ""
