import type { Advisories } from "./advisories/advisories.ts"
import type { Signer } from "./attest/sign.ts"
import type { RemoteBuilder } from "./build/builder.ts"
import type { Artifact, Engine, Secret } from "./engine/engine.ts"
import type { Fleet } from "./fleet/fleet.ts"
import type { Commit } from "./plan/tag.ts"
import type { RegistryAddress } from "./release/registry.ts"
import type { RecordStore } from "./release/store.ts"
import type { Risk } from "./risks/risk.ts"

/** A base that stands ready: an OCI image layout, or the context that BuildKit pulls it from; and its digest. */
export interface ReadyBase {
  digest: string
  layout?: Artifact
  /** "docker-image://…@sha256:…". */
  context?: string
}

/** What the pipeline works with: the fleet, where it comes from, what runs its steps and where its images go. */
export interface Yard {
  fleet: Fleet
  /** The repository on the disk of whoever plans. */
  root: string
  /** The repository as the engine's steps see it. */
  source: Artifact
  engine: Engine
  bases: Readonly<Record<string, ReadyBase>>
  commit: Commit
  now: Date
  registry: RegistryAddress
  records: RecordStore
  /** Accepted risks, as risks.yaml has them. */
  risks: readonly Risk[]
  /** What this run knows about advisories; asked once, when the first gate wants it. */
  advisories: () => Promise<Advisories>
  /** The machine's CA bundle, for builds behind a TLS-intercepting proxy. */
  ca?: Secret
  /** The URL of a Python package index, which may hold a password. */
  index?: Secret
  /** Go proxies as GOPROXY names them, which may hold a password. */
  goproxy?: Secret
  /** Registry credentials, as a Docker config.json. */
  auth?: Secret
  /** A BuildKit elsewhere that builds in place of the toolbox's own. */
  builder?: RemoteBuilder
  /** What signs records; without it nothing is signed. */
  signer?: Signer
  /** How many steps may run side by side. */
  parallel: number
}

/** What a plan has to know of the bases. */
export const digestsOf = (bases: Yard["bases"]): Record<string, string> =>
  Object.fromEntries(Object.entries(bases).map(([name, { digest }]) => [name, digest]))
