import type { App } from "../app.ts"
import type { Base, Builder } from "../base.ts"
import type { Family } from "../family.ts"
import type { Host } from "../host.ts"
import type { Policy } from "../policy.ts"
import type { Service } from "../service.ts"
import type { Path } from "../yaml.ts"

/** One thing that is wrong: where, and the rest of the sentence. */
export interface Complaint {
  path: Path
  what: string
}

/** A check across several entries. It yields, so that whoever has heard enough stops it. */
export type Rule = (draft: Draft) => Iterable<Complaint>

/** What could be read of a fleet: entries that are wrong in themselves are missing, and yet known by name. */
export interface Draft {
  bases: Entries<Base>
  builders: Entries<Builder>
  families: Entries<Family>
  hosts: Entries<Host>
  apps: Entries<App>
  services: Entries<Service>
  policy?: Policy
}

/** The entries of one section. Maps, since a name such as "constructor" is nothing special to them. */
export class Entries<V> extends Map<string, V> {
  constructor(
    entries: Iterable<readonly [string, V]>,
    /** Every name that is written there. */
    readonly names: ReadonlySet<string>,
  ) {
    super(entries)
  }
}
