import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { HostRunner } from "../../dagger/lib/rollout/host/runner.ts"
import { addressesOf, type ChosenHosts } from "../../dagger/lib/rollout/ssh/target.ts"
import { chooseHosts } from "../hosts/choose.ts"
import { SshHosts } from "../hosts/ssh.ts"
import { openRepository } from "../repository.ts"

/** The hosts that a verb is about, spoken to by their own runners. */
export interface OpenHosts {
  repository: Repository
  chosen: ChosenHosts
  names: string[]
  runner: HostRunner
  /** By host: "127.0.0.1:22001". */
  addresses: Record<string, string>
}

export interface HostFlags {
  source?: string
  host?: string[]
  yard?: string
}

// Somebody waits at the keyboard: a host that is away is told after one try.
const patienceSeconds = 3

/** Opens connections for the time of `work`, and leaves none behind. */
export async function withHosts<T>(flags: HostFlags, work: (open: OpenHosts) => Promise<T>): Promise<T> {
  const repository = await openRepository(flags.source)
  const chosen = await chooseHosts(repository.fleet, { hosts: flags.host, yard: flags.yard })
  const shell = await SshHosts.open(chosen.targets)
  try {
    return await work({
      repository,
      chosen,
      names: chosen.targets.map(({ host }) => host),
      runner: new HostRunner(shell, chosen.fleet.name, { patienceSeconds }),
      addresses: addressesOf(chosen.targets),
    })
  } finally {
    await shell.close()
  }
}
