import { Command } from "commander"
import { isLoopback, portOf } from "../../dagger/lib/release/registry.ts"
import { preflightText } from "../../dagger/lib/report/preflight.ts"
import { askPreflight } from "../../dagger/lib/rollout/preflight/ask.ts"
import { chooseHosts } from "../hosts/choose.ts"
import { pullableFromLoopback } from "../hosts/pullable.ts"
import { SshHosts } from "../hosts/ssh.ts"
import { openTunnel } from "../hosts/tunnel.ts"
import { newestRecords } from "../newest.ts"
import { host, registry, type Shared, withShared, yard } from "../options.ts"
import { openRepository } from "../repository.ts"

interface PreflightFlags extends Shared {
  host?: string[]
  yard?: string
  registry?: string
}

export const preflightVerb = (): Command =>
  withShared(
    new Command("preflight").description("what would keep a rollout from working, on each host, and how to mend it"),
  )
    .addOption(host())
    .addOption(yard())
    .addOption(registry())
    .action(preflightAction)

async function preflightAction(flags: PreflightFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  const chosen = await chooseHosts(repository.fleet, { hosts: flags.host, yard: flags.yard })
  const { records, address } = await newestRecords(repository, flags.registry)
  const shell = await SshHosts.open(chosen.targets)
  const { document, exitCode } = await askPreflight({
    ...{ chosen, shell, records, registry: address, answers: () => answers(address.host) },
    ...(isLoopback(address) && {
      pullable: pullableFromLoopback(address),
      way: (host: string) => openTunnel(shell, host, portOf(address)),
    }),
  }).finally(() => shell.close())
  console.log(flags.json ? JSON.stringify(document) : preflightText(document))
  process.exitCode = exitCode
}

/** A registry on this machine's loopback, which speaks plain HTTP. */
const answers = (host: string): Promise<boolean> =>
  fetch(`http://${host}/v2/`, { signal: AbortSignal.timeout(5000) }).then(
    ({ ok, status }) => ok || status === 401,
    () => false,
  )
