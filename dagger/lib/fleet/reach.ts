import { wrongInput } from "../problem.ts"
import type { Fleet } from "./fleet.ts"
import { hostNamed } from "./named.ts"

/** All that SSH needs to know to reach a host and no other machine. */
export interface SshTarget {
  host: string
  address: string
  port: number
  user: string
  hostKey: string
}

/** Where a host is reached. Refused (exit code 2) as long as fleet.yaml does not say which key it must show. */
export function sshTarget(fleet: Fleet, hostName: string): SshTarget {
  const { name: host, address, port, user, hostKey } = hostNamed(fleet, hostName)
  if (hostKey !== undefined) return { host, address, port, user, hostKey }
  throw wrongInput(`is not recorded, so nothing tells ${host} from another machine that answers at ${address}`, {
    where: `fleet.yaml: hosts.${host}.hostKey`,
    fix:
      `run \`ssh-keyscan -t ed25519 -p ${port} ${address}\`, compare the key with /etc/ssh/ssh_host_ed25519_key.pub ` +
      `on ${host} itself, and write it into fleet.yaml`,
  })
}
