/** What a job wrote down about itself: first that it is going to do something, then what came of it. */
export interface JournalLine {
  /** Counts from 1, over all jobs of a run. */
  number: number
  /** UTC, by the host's own clock: for people, nothing is decided by it. */
  at: string
  token: number
  event: JournalEvent
  /** The service's snake name, the image's reference, or "-". */
  subject: string
  detail: string
}

export const journalEvents = [
  ...(["begin", "end"] as const),
  ...(["pulling", "pulled", "pull-failed", "mirror-failed", "created", "create-failed"] as const),
  ...(["switching", "stopped", "started", "healthy", "failed"] as const),
  ...(["reverting", "reverted", "removed", "revert-failed"] as const),
  ...(["settled", "kept"] as const),
] as const
export type JournalEvent = (typeof journalEvents)[number]

/** Seconds without service, or until healthy, as a line about `healthy` and `reverted` ends with. */
export const secondsOf = ({ detail }: JournalLine): number | undefined =>
  /^\d{1,6}(?:\.\d{1,3})?$/.test(detail) ? Number(detail) : undefined
