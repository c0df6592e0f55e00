import type { Artifact, Engine } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import type { Judged } from "./verdict.ts"

/** The image that a gate looks at. */
export interface Subject {
  /** The family's name, a key of `fleet.families`. */
  family: string
  /** The OCI archive (a tar with an OCI layout), exactly the bytes that are published. */
  archive: Artifact
  /** The image manifest's digest, "sha256:…". */
  digest: string
  /** The host whose machine profile was built in, a key of `fleet.hosts`; none for an image that fits every host. */
  machine?: string
}

/** What a verdict rests on besides the facts: the fleet's rules and the texts that set them, for "set by file:line". */
export interface Rules {
  fleet: Fleet
  family: string
  machine?: string
  /** path in the repository -> text, for each Dockerfile of the family's line. */
  dockerfiles: Readonly<Record<string, string>>
  /** path in the repository -> text, for each requirements lock of the family's line. */
  locks: Readonly<Record<string, string>>
}

/**
 * One gate: looking needs an engine and answers facts; judging is a pure function over them, so that stored facts can be
 * judged again under other rules. `look` throws CouldNotLook where something must have been seen and was not.
 */
export interface Gate<F> {
  readonly name: string
  look(subject: Subject, fleet: Fleet, engine: Engine): Promise<F>
  judge(facts: F, rules: Rules): Judged<F>
  /** The facts as they come back from a record; throws on another shape (a zod schema's parse). */
  recall(stored: unknown): F
}
