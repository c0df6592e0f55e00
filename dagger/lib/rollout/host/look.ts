/** What a host's own runner saw: its containers, what is kept of runs, who works on it. Read from `look`, never guessed. */
export interface HostLook {
  host: string
  /** Docker's version there. */
  docker: string
  /** Bytes free where Docker keeps its data. */
  freeBytes: number
  /** Containers of this fleet, whatever made them. */
  containers: HostContainer[]
  /** Names that containers of others have. */
  others: string[]
  /** References by digest of every image that is there: "ghcr.io/my-fleet/reference-web@sha256:…". */
  images: string[]
  lock?: HostLock
  /** Runs that were begun and never ended, the oldest first. */
  open: string[]
  /** Runs of which something is kept, in no order. */
  runs: string[]
  /** "<svc>.<definition>" of every definition that is kept. */
  definitions: string[]
  /** "<svc>.<run>" of every container that a commit called good. */
  good: string[]
  /** Seconds without service at the last switch, by svc. */
  timings: Record<string, number>
  /** What was good together after each commit, the newest first. */
  snapshots: SnapshotSummary[]
  /** What the newest few of them hold, the newest first. */
  kept: Snapshot[]
  pin?: Pin
}

export interface HostContainer {
  /** "service_registry", "service_registry.prev", "service_registry.7f3a2b" (made, not yet switched to), "service_registry-7f3a2b" (failed, kept). */
  name: string
  /** Docker's word: "created", "running", "restarting", "exited", "paused", "dead". */
  state: string
  /** Docker's own probe: "healthy", "unhealthy", "starting"; absent where the container has none. */
  health?: string
  /** As in fleet.yaml: "ServiceRegistry". */
  service: string
  /** The run that made it; absent for one that was made by hand. */
  run?: string
  definition?: string
  tag?: string
  exitCode: number
  restarts: number
  /** UTC. */
  startedAt: string
  outOfMemory: boolean
  /** As it was started: with a digest where Fairlead made it. */
  image: string
}

export interface HostLock {
  token: number
  run: string
  /** "anna@laptop". */
  owner: string
  /** What it is held for: "deploy", "rollback", "prune". */
  verb: string
  /** Seconds since the holder was last heard of, by the host's own clock. */
  ageSeconds: number
  /** Seconds since it was given. */
  heldSeconds?: number
  /** Nobody was heard of for so long that the next one may take it. */
  stale: boolean
  /** The host itself still works on the holder's last job. */
  working: boolean
}

export interface SnapshotSummary {
  seq: number
  run: string
  tag: string
  services: number
}

/** What ran and was good together, after a commit. */
export interface Snapshot {
  seq: number
  services: { svc: string; definition: string; image: string; tag: string }[]
}

/** FORCE_IMAGE_TAG for a host, kept on it. */
export interface Pin {
  tag: string
  reason: string
  by: string
  /** UTC time. */
  at: string
  /** UTC day, the last on which it holds. Default: until `unpin`. */
  until?: string
}

/** The container that serves for a service now, if one does. */
export const currentOf = (look: HostLook, svc: string): HostContainer | undefined =>
  look.containers.find(({ name }) => name === svc)

/** The one that the service goes back to when a switch fails. */
export const previousOf = (look: HostLook, svc: string): HostContainer | undefined =>
  look.containers.find(({ name }) => name === `${svc}.prev`)

/** Committed by its run, or made by hand, where nobody commits. */
export const isGood = (look: HostLook, svc: string, container: HostContainer): boolean =>
  container.run === undefined || look.good.includes(`${svc}.${container.run}`)
