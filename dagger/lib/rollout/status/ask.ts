import { type StatusDocument, statusDocument } from "../../report/status.ts"
import type { HostRunner } from "../host/runner.ts"
import { addressesOf, type ChosenHosts } from "../ssh/target.ts"
import type { Asked } from "./reports.ts"
import { exitCodeOf, type HostStatus, hostStatus } from "./status.ts"

/** How the chosen hosts stand. */
export interface AskedStatus {
  document: StatusDocument
  hosts: HostStatus[]
  exitCode: 0 | 1 | 3
}

/** Asks every chosen host, and the receiver for what services told it, side by side. */
export async function askStatus(
  { chosen, runner }: { chosen: ChosenHosts; runner: HostRunner },
  { now, receiver: ask }: { now: Date; receiver: () => Promise<Asked> },
): Promise<AskedStatus & { receiver: Asked }> {
  const { fleet, yard, targets } = chosen
  const at = now.toISOString()
  const asked = targets.map(({ host }) => hostStatus(host, () => runner.look(host), { fleet, today: at.slice(0, 10) }))
  const [receiver, ...answers] = await Promise.all([ask(), ...asked])
  const hosts = answers.map(({ status }) => status)
  const document = statusDocument({ at, yard, fleet, hosts, addresses: addressesOf(targets), receiver })
  return { document, hosts, receiver, exitCode: exitCodeOf(hosts) }
}
