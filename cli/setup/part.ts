/** What `doctor` says of one part of the set-up. */
export interface Found {
  state: "ready" | "missing" | "unsuitable"
  /** One line: version, path, address, or what is wrong. */
  detail: string
  /** What a person does about it; only where it is not ready. */
  fix?: string
}

/** One thing that verbs stand on: looking never changes anything, readying is idempotent and may be interrupted. */
export interface Part {
  readonly name: string
  /** Names of the parts that must be ready before this one. */
  readonly after: readonly string[]
  look(): Promise<Found>
  /** Makes it so. `say` takes one line for people: what is being done, and at the end how long it took. */
  ready(say: (line: string) => void): Promise<void>
  /** Removes what `ready` made, and nothing else. Answers what was removed, a line each. */
  remove(): Promise<string[]>
}
