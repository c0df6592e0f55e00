import type { JournalLine } from "./journal.ts"

/** One piece of work that a host does by itself, to its end. */
export type Job =
  /** Makes good what an interrupted run left: every service that was up before serves again. */
  | { job: "settle" }
  /** Every image of the manifest. */
  | { job: "pull" }
  /** New containers beside those that serve, stopped. */
  | { job: "create" }
  /** Switches the services of a wave. */
  | { job: "wave"; wave: string; parallel: number; keepGoing: boolean }
  /** Takes services back whose container is not good. Default: all of them. */
  | { job: "back"; services?: readonly string[] }
  /** Removes what was created and never switched to. */
  | { job: "discard" }

/** How a job ended. */
export interface JobEnd {
  /** 0: all good. 4: something failed and the host took it back. 5: a take-back failed. 3: anything else. */
  exitCode: number
  /** It was killed, or the host went down: `settle` is next. Its exit code is 3 then. */
  died: boolean
  lines: JournalLine[]
}

/** A lock that was given: what every change on a host has to show. */
export interface Hold {
  host: string
  run: string
  /** Higher than any before; a host refuses what shows an older one. */
  token: number
}

/** What a run brings to a host. */
export interface Bundle {
  /** What the containers are labelled with: what people call this version. */
  tag: string
  services: ManifestService[]
  /** References by digest to pull. */
  images: string[]
  /** The registry that is asked for their bytes first, "host:port". */
  mirror?: string
  volumes: string[]
  networks: string[]
  /** The compose project of the services that change. */
  compose: unknown
  /** Compose services by "<svc>.<hash>", kept for rollback and status. */
  definitions: Record<string, unknown>
  /** Machine profiles by file name ("<sha12>.json"). */
  files: Record<string, string>
}

/** How a service is switched. */
export interface ManifestService {
  svc: string
  wave: string
  image: string
  definition: string
  healthPort: number
  healthPath: string
  /** One probe is given up after this. */
  probeSeconds: number
  /** Not healthy by then: failed. */
  deadlineSeconds: number
  /** Good answers in a row that make it healthy. */
  answers: number
  stopSeconds: number
}

/** One thing to remove; what a container still uses is kept all the same. */
export interface Prunable {
  kind: "container" | "image" | "definition" | "file" | "run" | "snapshot" | "good"
  /** Container name, reference by digest, "<svc>.<hash>", "<sha12>.json", run, 6-digit seq, "<svc>.<run>". */
  name: string
}

export interface Pruned extends Prunable {
  removed: boolean
  /** Why it was kept. */
  why?: string
}

/** A host's history, oldest first. */
export interface History {
  records: { hash: string; json: string }[]
  /** The first line (from 1) whose hash does not follow from the line before. */
  brokenAt?: number
}
