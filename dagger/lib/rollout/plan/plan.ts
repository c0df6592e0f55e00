import type { Fleet } from "../../fleet/fleet.ts"
import { waveOf } from "../../fleet/waves.ts"
import type { Layer } from "../../release/layers.ts"
import { type RegistryAddress, repository } from "../../release/registry.ts"
import type { Audio } from "../audio.ts"
import { type Definition, definitionOf } from "../definition.ts"
import type { ManifestService } from "../host/job.ts"
import type { HostLook } from "../host/look.ts"
import type { ComposeService } from "../service.ts"
import type { ChosenTag, Targets } from "../targets.ts"
import { planFor, type WantedService } from "./compare.ts"

/** What a rollout would do, on each host, and why. */
export interface RolloutPlan {
  /** 8 hex digits over what it would do and what it found: another plan has another id. */
  id: string
  verb: "deploy" | "rollback"
  fleet: string
  /** "fleet.yaml", or the name of the demo yard. */
  yard: string
  /** "127.0.0.1:5000/my-fleet". */
  registry: string
  /** The names of the waves with anything planned, in the order in which they roll out. */
  waves: string[]
  hosts: PlannedHost[]
  /** Stand-ins that stay away from a real yard unless they are asked for. */
  leftOut: { host: string; service: string }[]
  /** What has to be mended first: with any of these nothing may be applied. */
  refusals: Refusal[]
}

export interface PlannedHost {
  host: string
  chosen: ChosenTag
  /** Every service that was asked for, unchanged ones among them, in the order of fleet.yaml. */
  services: PlannedService[]
  pull: Pull
  /** Services that run there although fleet.yaml has them no more: told, never touched. */
  strangers: string[]
  /** Machine profiles by file name, for what is made there. */
  files: Record<string, string>
}

/**
 * "create": nothing is there yet. "replace": something else is. "start": the wanted one is there, and is stopped or ill: a
 * new container takes its place. "finish": an unfinished run left what is wanted, and nobody has called it good yet: it is
 * probed, not switched. "unchanged": not touched.
 */
export type Action = "create" | "replace" | "start" | "finish" | "unchanged"

export interface PlannedService {
  service: string
  svc: string
  host: string
  wave: string
  action: Action
  /** Why it is not unchanged, the most telling first. */
  reasons: string[]
  /** What serves now; absent where nothing does. */
  from?: Version
  to: Version & Required<Pick<Version, "digest" | "definition" | "tag">>
  /** Its ports are published, so the old one stops before the new one starts. */
  stopFirst: true
  standIn: boolean
  /** Why a stand-in takes the place of its own code or family on this yard. */
  stoodInFor?: string
  /** Seconds without service that the last switch took there. */
  downSeconds?: number
  /** What takes over when it fails; absent where nothing is switched. */
  back?: WayBack
  definition: Definition
  /** How the host switches and probes it. */
  manifest: ManifestService
}

export interface Version {
  /** As the container was made from: with a digest where Fairlead made it. */
  image: string
  digest?: string
  definition?: string
  /** The release that people know it by. */
  tag?: string
}

export interface WayBack {
  /** Which container goes back; "removed" where there is none: a first deploy. */
  to: "current" | "prev" | "removed"
  image?: string
  tag?: string
  /** Where its image is. "unknown": not on the host, and nobody asked a registry. */
  at?: "host" | "registry" | "nowhere" | "unknown"
}

/** What a host has to fetch. */
export interface Pull {
  /** References by digest that are not there. */
  images: string[]
  /** Bytes of the layers that are missing, as far as records tell. */
  bytes: number
  /** Images without a record here: how big they are nobody knows. */
  unknown: string[]
  /** The registry that is asked for their bytes first, as fleet.yaml says. */
  mirror?: string
}

export interface Refusal {
  /**
   * Another's container has the service's name; what it would go back to, or a rollback's own target, is nowhere to be had;
   * the host is pinned to another tag.
   */
  kind: "name" | "noWayBack" | "noImage" | "pin"
  host: string
  service: string
  what: string
  fix: string
}

/** What a plan is made from: facts only. */
export interface PlanInput {
  /** As reached on the yard: `onDemo` for the demo's. */
  fleet: Fleet
  /** "rollback" where the release to deploy is an older one that somebody goes back to. Default: "deploy". */
  verb?: RolloutPlan["verb"]
  yard: string
  registry: RegistryAddress
  targets: Targets
  /** Of every host of `targets.chosen`. */
  looks: readonly HostLook[]
  /** Layers by image digest, as far as records tell: `layersKnown`. */
  layers: Readonly<Record<string, readonly Layer[]>>
  /** By host: how its containers get sound, GPUs and the receiver. */
  ways?: Readonly<Record<string, HostWays | undefined>>
  /** Definitions that serve now, by "<svc>.<hash>", where somebody fetched them: reasons then say what differs. */
  old?: Readonly<Record<string, ComposeService | undefined>>
  /** Whether a registry has an image that goes back, by reference: `pullable`. */
  pullable?: Readonly<Record<string, boolean | undefined>>
}

export interface HostWays {
  audio?: Audio
  /** false leaves the GPUs alone, as on the demo. */
  gpu?: boolean
  observability?: string
}

/** Compares what is there with what is wanted. Looks at nothing itself. */
export function planRollout(input: PlanInput): RolloutPlan {
  const { fleet, targets, ways = {} } = input
  const wanted = targets.instances.map(({ service, host, image, standIn }): WantedService => {
    const ref = `${repository(input.registry, image.name)}@${image.digest}`
    const { stoodInFor } = service
    const definition = definitionOf(fleet, service, host, {
      ...ways[host],
      image: () => ({ image: ref, gitSha: image.revision }),
    })
    return {
      ...{ service: service.name, host, wave: waveOf(fleet, service, host), standIn, definition },
      ...(stoodInFor !== undefined && { stoodInFor }),
      to: { image: ref, digest: image.digest, definition: definition.hash, tag: image.tag },
    }
  })
  const leftOut = targets.leftOut.map(({ service, host }) => ({ host, service: service.name }))
  return planFor(input, { verb: input.verb ?? "deploy", wanted, chosen: targets.chosen, leftOut })
}

/** The services that are switched or probed, wave by wave, over all hosts. */
export const changesByWave = (plan: RolloutPlan): { wave: string; services: PlannedService[] }[] =>
  plan.waves
    .map((wave) => ({
      wave,
      services: plan.hosts
        .flatMap(({ services }) => services)
        .filter((each) => each.wave === wave && each.action !== "unchanged"),
    }))
    .filter(({ services }) => services.length > 0)
