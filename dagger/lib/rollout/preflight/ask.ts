import { isLoopback, type RegistryAddress } from "../../release/registry.ts"
import { type PreflightDocument, preflightDocument } from "../../report/preflight.ts"
import type { NewestRecords } from "../../risks/standing.ts"
import type { HostShell } from "../host/shell.ts"
import { addressesOf, type ChosenHosts } from "../ssh/target.ts"
import { exitCodeOf, type OpenWay, type Pullable, preflight } from "./preflight.ts"
import { wantedOf } from "./wanted.ts"

/** What the questions of preflight need besides the hosts. */
export interface AskingPreflight {
  chosen: ChosenHosts
  shell: HostShell
  registry: RegistryAddress
  /** The newest record of each image. */
  records: NewestRecords
  /** Asked of a registry on loopback only: hosts ask any other by themselves. */
  answers: () => Promise<boolean>
  pullable?: Pullable
  /** How a host is given a way to a registry on loopback while it pulls. Default: it is not tried. */
  way?: OpenWay
}

/** Asks every chosen host what would keep a rollout from working. */
export async function askPreflight(on: AskingPreflight): Promise<{ document: PreflightDocument; exitCode: 0 | 1 | 3 }> {
  const { chosen, shell, registry, records, pullable, way } = on
  const loopback = isLoopback(registry)
  const from = { host: registry.host, loopback, answers: loopback ? await on.answers() : undefined }
  const wanted = chosen.targets.map(({ host }) => wantedOf(chosen.fleet, host, { records, registry: from }))
  const hosts = await preflight(shell, wanted, { pullable, way })
  const document = preflightDocument({
    yard: chosen.yard,
    registry: `${registry.host}/${registry.org}`,
    hosts,
    addresses: addressesOf(chosen.targets),
  })
  return { document, exitCode: exitCodeOf(hosts) }
}
