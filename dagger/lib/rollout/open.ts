import { randomBytes } from "node:crypto"
import type { DemoYard } from "../fleet/demo.ts"
import type { RegistryAddress } from "../release/registry.ts"
import type { KnownRecords } from "../release/store.ts"
import type { Verifying } from "../release/verify.ts"
import type { NewestRecords } from "../risks/standing.ts"
import type { RolloutEvent } from "./deploy/options.ts"
import type { HostRunner } from "./host/runner.ts"
import type { HostShell } from "./host/shell.ts"
import type { ChosenHosts } from "./ssh/target.ts"

/**
 * A yard with its hosts and its registry within reach, as long as a verb works with it. Who opens it says by what: the CLI
 * by this machine's OpenSSH and its records, the Dagger module by steps.
 */
export interface OpenRollout {
  chosen: ChosenHosts
  /** Set where the hosts are the demo's. */
  demo?: DemoYard
  registry: RegistryAddress
  records: KnownRecords
  /** The newest record of every image that the chosen hosts run. */
  newest: () => Promise<NewestRecords>
  /** The registry and whose signatures count. */
  verifying: Verifying
  runner: HostRunner
  shell: HostShell
  hosts: string[]
  /** Lets a host reach the registry while it pulls. */
  way: (host: string) => Promise<{ close(): Promise<void> }>
  progress: RolloutTeller
  /** "anna@laptop". */
  owner: string
  /** Whether it is known that nobody carries a run out any more. Default: of no run. */
  isGone?: (run: string) => Promise<boolean>
  signal?: AbortSignal
  now: Date
}

/** Who tells people how far it is. */
export interface RolloutTeller {
  say: (text: string) => void
  event: (event: RolloutEvent) => void
}

/** A run's name: 6 hex digits. */
export const newRun = (): string => randomBytes(3).toString("hex")
