import type { Fleet } from "../fleet/fleet.ts"
import type { NamedService } from "../fleet/service.ts"
import type { Instance } from "../fleet/waves.ts"
import type { RecordStore } from "../release/store.ts"
import type { Pin } from "./host/look.ts"

/** What every chosen service is to run on each of its hosts. */
export interface Targets {
  /** In the order of fleet.yaml. */
  instances: Target[]
  /** By host: which tag was chosen there, and by whom. */
  chosen: Record<string, ChosenTag>
  /** Stand-ins that were not asked for: nothing is planned for them. */
  leftOut: Instance[]
}

/** What one service is to run on one host. */
export interface Target extends Instance {
  service: NamedService
  host: string
  image: TargetImage
  /** It runs the stand-in app: fleet.yaml names no code of its own, or the yard has no place for it. */
  standIn: boolean
}

export interface TargetImage {
  /** "reference-web": the repository's last part. */
  name: string
  digest: string
  /** The tag that was looked up: "current", or one that somebody named. */
  asked: string
  /** The release that people know it by: for "current" the newest one with this digest. */
  tag: string
  /** The commit that made it what it is; absent where no record of it is here. */
  revision?: string
}

/** Why a host runs one tag and not another. */
export interface ChosenTag {
  tag: string
  by: "current" | "tag" | "environment" | "pin" | "snapshot"
  /** The pin that holds there. */
  pin?: Pin
  /** A pin whose last day has passed: it does not hold. */
  expired?: Pin
}

export interface Wish {
  /** "demo" or "fleet.yaml": stand-ins go to the demo always, to a real yard only with `standIns`. */
  yard: string
  /** Only these hosts. Default: all. */
  hosts?: readonly string[]
  /** Only these services, by their names in fleet.yaml. Default: all. */
  services?: readonly string[]
  /** --tag. */
  tag?: string
  /** FORCE_IMAGE_TAG of the environment: holds for this run. */
  forced?: string
  standIns?: boolean
  /** Of the hosts, as each keeps its own. */
  pins: Readonly<Record<string, Pin | undefined>>
  now: Date
}

/** Where images are looked up. */
export interface Sources {
  registry: { digestOf(image: string, tag: string): Promise<string | undefined> }
  records: RecordStore
  /** Questions to the registry side by side. Default: 4. */
  parallel?: number
}

/** Looks each pair of image and tag up once. Throws Problems (exit code 3) that name every image that is not there. */
export async function targetsOf(fleet: Fleet, wish: Wish, sources: Sources): Promise<Targets> {
  throw new Error(`todo ${fleet.name}${wish.yard}${sources.parallel}`)
}
