import { hostname, userInfo } from "node:os"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { isLoopback, portOf } from "../../dagger/lib/release/registry.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { HostRunner } from "../../dagger/lib/rollout/host/runner.ts"
import type { OpenRollout } from "../../dagger/lib/rollout/open.ts"
import { clock } from "../clock.ts"
import { demoYard } from "../demo/yard.ts"
import { chooseHosts } from "../hosts/choose.ts"
import { SshHosts } from "../hosts/ssh.ts"
import { openTunnel } from "../hosts/tunnel.ts"
import { publicHalfHere } from "../keys.ts"
import { newestRecords } from "../newest.ts"
import { withRegistry } from "../open-registry.ts"
import type { Shared } from "../options.ts"
import { openRepository } from "../repository.ts"
import { RolloutProgress } from "../show/rollout.ts"
import { recordsOf } from "../yard.ts"
import { isGone } from "./gone.ts"

/** What every verb that changes hosts is asked. */
export interface RolloutFlags extends Shared {
  host?: string[]
  yard?: string
  registry?: string
}

/** Opened from this machine. */
export interface OpenHere extends OpenRollout {
  repository: Repository
  progress: RolloutProgress
}

/** Opens hosts and registry, and closes both however `work` ends. */
export async function withRollout(flags: RolloutFlags, work: (open: OpenHere) => Promise<void>): Promise<void> {
  const repository = await openRepository(flags.source)
  const { fleet } = repository
  const chosen = await chooseHosts(fleet, { hosts: flags.host, yard: flags.yard })
  const trust = trustOf(repository, await publicHalfHere())
  const progress = new RolloutProgress(flags)
  await withRegistry(
    repository,
    { flag: flags.registry, progress },
    async ({ registry: asked, chosen: { address }, signal }) => {
      const { now } = clock()
      const shell = await SshHosts.open(chosen.targets)
      try {
        await work({
          ...{ repository, chosen, registry: address, progress, shell, signal, now, isGone },
          owner: owner(),
          ...(chosen.yard === "fleet.yaml" ? {} : { demo: await demoYard() }),
          records: recordsOf(address),
          newest: async () => (await newestRecords(repository, `${address.host}/${address.org}`)).records,
          verifying: { registry: asked, trust, now },
          runner: new HostRunner(shell, fleet.name, {
            onSilence: (host, why, seconds) =>
              progress.say(
                line("silent", `${host}: ${why}; asking again for ${seconds} s, what it began goes on there`),
              ),
          }),
          hosts: chosen.targets.map(({ host }) => host),
          way: async (host) =>
            isLoopback(address) ? openTunnel(shell, host, portOf(address)) : { close: async () => {} },
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
