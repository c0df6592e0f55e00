import type { Policy } from "../../fleet/policy.ts"
import type { JournalLine } from "../host/journal.ts"
import type { HostRunner } from "../host/runner.ts"
import type { Holds } from "./holds.ts"

/** What happens while rolling out, for whoever shows it. */
export type RolloutEvent =
  | { kind: "began"; what: Stage; wave?: string; hosts: string[] }
  | { kind: "ended"; what: Stage; wave?: string; good: boolean }
  | { kind: "line"; host: string; line: JournalLine }
  | { kind: "lost"; host: string; why: string }

export type Stage = "settle" | "verify" | "pull" | "create" | "wave" | "back" | "commit"

/** What a rollout works with. */
export interface RolloutOptions {
  runner: HostRunner
  /** Of every host of the plan. */
  holds: Holds
  run: string
  /** "anna@laptop". */
  owner: string
  policy: Policy["rollout"]["onFailure"]
  /** Services of a wave at once on one host. */
  parallel: number
  /** Signature, record and digest of images by reference; throws where one may not be put into service. */
  verify: (images: readonly string[]) => Promise<void>
  /** Lets a host reach the registry while it pulls. */
  way: (host: string) => Promise<{ close(): Promise<void> }>
  onEvent?: (event: RolloutEvent) => void
  /** Aborted: nothing new is begun, and what was switched goes back by the policy. */
  signal?: AbortSignal
}
