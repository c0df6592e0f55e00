import type { Advisories } from "../advisories/advisories.ts"
import type { Artifact, Engine, Secret } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import type { Risk } from "../risks/risk.ts"
import type { Archived } from "./archive.ts"
import type { Inside } from "./inside.ts"
import type { Judged } from "./verdict.ts"

/** A built image. */
export interface Image {
  /** The family's name, a key of `fleet.families`. */
  family: string
  /** The OCI archive (a tar with an OCI layout), exactly the bytes that are published. */
  archive: Artifact
  /** The image manifest's digest, "sha256:…". */
  digest: string
  /** The host whose machine profile was built in, a key of `fleet.hosts`; none for an image that fits every host. */
  machine?: string
}

/** The image that a gate looks at, and what is said to be in it. */
export interface Subject extends Image {
  /** SHA-256 over the image's package table (release/contents.ts): what a risk acceptance holds for. */
  contents: string
  /** The SPDX document that was put into the image; absent for an image that was fetched from a registry. */
  sbom?: Artifact
}

/**
 * What a gate looks with. Looks that several gates share are taken once per image, advisory sources once per run: they are
 * functions, and answer the same promise each time.
 */
export interface Looking {
  subject: Subject
  rules: Rules
  engine: Engine
  /** The machine's CA bundle, for services behind a TLS-intercepting proxy. */
  ca?: Secret
  inside(): Promise<Inside | null>
  archived(): Promise<Archived>
  advisories(): Promise<Advisories>
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
  /** Accepted risks, as risks.yaml has them. */
  risks: readonly Risk[]
  /** The day on which it is judged: ages and expiries are counted to it. */
  now: Date
}

/**
 * One gate: looking needs an engine and answers facts; judging is a pure function over them, so that stored facts can be
 * judged again under other rules. `look` throws CouldNotLook where something must have been seen and was not.
 */
export interface Gate<F> {
  readonly name: string
  look(on: Looking): Promise<F>
  judge(facts: F, rules: Rules): Judged<F>
  /** The facts as they come back from a record; throws on another shape (a zod schema's parse). */
  recall(stored: unknown): F
  /** Whether stored facts are out of date because other advisories are known now; without it they never are. */
  stale?(facts: F, advisories: Advisories, now: Date): boolean
}
