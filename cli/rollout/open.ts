import { randomBytes } from "node:crypto"
import { hostname, userInfo } from "node:os"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import type { DemoYard } from "../../dagger/lib/fleet/demo.ts"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { isLoopback } from "../../dagger/lib/release/registry.ts"
import type { FolderStore } from "../../dagger/lib/release/store.ts"
import type { Verifying } from "../../dagger/lib/release/verify.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { HostRunner } from "../../dagger/lib/rollout/host/runner.ts"
import { clock } from "../clock.ts"
import { demoYard } from "../demo/yard.ts"
import { type ChosenHosts, chooseHosts } from "../hosts/choose.ts"
import { SshHosts } from "../hosts/ssh.ts"
import { openTunnel, type Tunnel } from "../hosts/tunnel.ts"
import { publicHalfHere } from "../keys.ts"
import { withRegistry } from "../open-registry.ts"
import type { Shared } from "../options.ts"
import type { ChosenRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { RolloutProgress } from "../show/rollout.ts"
import { recordsOf } from "../yard.ts"

/** What every verb that changes hosts is asked. */
export interface RolloutFlags extends Shared {
  host?: string[]
  yard?: string
  registry?: string
}

/** A yard with its hosts and its registry within reach, as long as a verb works with it. */
export interface OpenRollout {
  repository: Repository
  chosen: ChosenHosts
  /** Set where the hosts are the demo's. */
  demo?: DemoYard
  registry: ChosenRegistry
  records: FolderStore
  /** The registry and whose signatures count. */
  verifying: Verifying
  runner: HostRunner
  shell: SshHosts
  hosts: string[]
  /** Lets a host reach the registry while it pulls. */
  way: (host: string) => Promise<Tunnel>
  progress: RolloutProgress
  signal: AbortSignal
  now: Date
}

/** Opens hosts and registry, and closes both however `work` ends. */
export async function withRollout(flags: RolloutFlags, work: (open: OpenRollout) => Promise<void>): Promise<void> {
  const repository = await openRepository(flags.source)
  const { fleet } = repository
  const chosen = await chooseHosts(fleet, { hosts: flags.host, yard: flags.yard })
  const trust = trustOf(fleet, await publicHalfHere())
  const progress = new RolloutProgress(flags)
  await withRegistry(
    repository,
    { flag: flags.registry, progress },
    async ({ registry: asked, chosen: registry, signal }) => {
      const { now } = clock()
      const { address } = registry
      const shell = await SshHosts.open(chosen.targets)
      try {
        await work({
          ...{ repository, chosen, registry, progress, shell, signal, now },
          ...(chosen.yard === "fleet.yaml" ? {} : { demo: await demoYard() }),
          records: recordsOf(address),
          verifying: { registry: asked, trust, now },
          runner: new HostRunner(shell, fleet.name, {
            onSilence: (host, why, seconds) =>
              progress.say(
                line("silent", `${host}: ${why}; asking again for ${seconds} s, what it began goes on there`),
              ),
          }),
          hosts: chosen.targets.map(({ host }) => host),
          way: async (host) => {
            const port = Number(/:(\d+)$/.exec(address.host)?.[1] ?? 80)
            return isLoopback(address) ? openTunnel(shell, host, port) : { close: async () => {} }
          },
        })
      } finally {
        await shell.close()
      }
    },
  )
}

/** Who a host is told that works on it: "anna@laptop". */
export const owner = (): string =>
  `${userInfo().username}@${hostname()}`.replace(/[^A-Za-z0-9@._-]/g, "-").slice(0, 100)

/** A run's name: 6 hex digits. */
export const newRun = (): string => randomBytes(3).toString("hex")
