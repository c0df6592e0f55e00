import pLimit from "p-limit"
import { imageNameOf } from "../fleet/apps.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { appOf, hostNamed, serviceNamed } from "../fleet/named.ts"
import { spelled } from "../fleet/names.ts"
import type { Instance } from "../fleet/waves.ts"
import { Problem, Problems, wrongInput } from "../problem.ts"
import type { KnownRecords } from "../release/store.ts"
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
  /** Only these services. Default: all. */
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
  records: KnownRecords
  /** Questions to the registry side by side. Default: 4. */
  parallel?: number
}

/**
 * Looks each pair of image and tag up once. Throws a Problem (exit code 3) that names every image that is not there, and one
 * (exit code 2) for a tag that goes against a pin.
 */
export async function targetsOf(fleet: Fleet, wish: Wish, sources: Sources): Promise<Targets> {
  const chosen = chosenTags(fleet, wish)
  const wanted = instancesOf(fleet, wish, Object.keys(chosen))
  const left = wanted.filter(({ standIn }) => standIn && wish.yard === "fleet.yaml" && !wish.standIns)
  const going = wanted.filter((each) => !left.includes(each))
  const pairs = new Map(
    going.map(({ service, host }) => {
      const pair = { image: imageNameOf(fleet, service), tag: chosen[host]!.tag }
      return [`${pair.image}:${pair.tag}`, pair] as const
    }),
  )
  const images = await lookUp([...pairs.values()], sources)
  const instances = going.map((each): Target => {
    const image = images.get(`${imageNameOf(fleet, each.service)}:${chosen[each.host]!.tag}`)!
    return { ...each, image }
  })
  return { instances, chosen, leftOut: left.map(({ service, host }) => ({ service, host })) }
}

/** The pin that holds on a day: until its last day, that one among it. */
export const holds = (pin: Pin, now: Date): boolean =>
  pin.until === undefined || now.toISOString().slice(0, 10) <= pin.until

const tagSchema = spelled({ pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, right: "a tag" })

function chosenTags(fleet: Fleet, wish: Wish): Record<string, ChosenTag> {
  const by = wish.tag === undefined ? "environment" : "tag"
  const named = wish.tag ?? (wish.forced || undefined)
  const where = by === "tag" ? "--tag" : "FORCE_IMAGE_TAG"
  const spelling = named === undefined ? undefined : tagSchema.safeParse(named).error?.issues[0]?.message
  if (spelling !== undefined) throw wrongInput(spelling, { where })
  const hosts = (wish.hosts ?? Object.keys(fleet.hosts)).map((name) => hostNamed(fleet, name).name)
  const chosen = hosts.map((host): [string, ChosenTag] => {
    const found = Object.hasOwn(wish.pins, host) ? wish.pins[host] : undefined
    const pin = found && holds(found, wish.now) ? { pin: found } : {}
    const expired = found && !pin.pin ? { expired: found } : {}
    if (named !== undefined) return [host, { tag: named, by, ...pin, ...expired }]
    return [host, pin.pin ? { tag: pin.pin.tag, by: "pin", ...pin } : { tag: "current", by: "current", ...expired }]
  })
  const against = chosen.filter(([, { tag, pin }]) => pin && pin.tag !== tag)
  if (against.length > 0) throw new Problems(against.map(([host, { tag, pin }]) => pinned(host, tag, pin!, where)))
  return Object.fromEntries(chosen)
}

const pinned = (host: string, tag: string, pin: Pin, where: string): Problem =>
  wrongInput(`${host} is pinned to ${pin.tag}, so ${tag} does not go there`, {
    where,
    why: `${pin.by} pinned it on ${pin.at.slice(0, 10)}${pin.until ? ` until ${pin.until}` : ""}: ${pin.reason}`,
    fix: `fairlead unpin --host ${host}, or leave the host out`,
  })

function instancesOf(fleet: Fleet, { services: asked }: Wish, hosts: readonly string[]): Omit<Target, "image">[] {
  const names = asked && new Set(asked.map((name) => serviceNamed(fleet, name).name))
  const all = Object.entries(fleet.services).flatMap(([name, entry]) => {
    const service = { name, ...entry }
    const { standIn } = appOf(fleet, name)
    return service.hosts
      .filter((host) => hosts.includes(host) && (names?.has(name) ?? true))
      .map((host) => ({ service, host, standIn }))
  })
  const nowhere = [...(names ?? [])].filter((name) => !all.some(({ service }) => service.name === name))
  if (nowhere.length === 0) return all
  throw wrongInput(`${nowhere.join(", ")} ${nowhere.length > 1 ? "run" : "runs"} on none of ${hosts.join(", ")}`, {
    where: "--service",
    fix: `leave --host out; ${nowhere[0]} runs on ${fleet.services[nowhere[0]!]!.hosts.join(", ")}`,
  })
}

interface Pair {
  image: string
  tag: string
}

async function lookUp(
  pairs: readonly Pair[],
  { registry, records, parallel = 4 }: Sources,
): Promise<Map<string, TargetImage>> {
  const side = pLimit(parallel)
  const found = await Promise.all(
    pairs.map((pair) => side(async () => ({ ...pair, digest: await registry.digestOf(pair.image, pair.tag) }))),
  )
  const missing = found.filter(({ digest }) => digest === undefined)
  if (missing.length > 0) throw notThere(missing)
  const images = found.map(async ({ image, tag, digest }): Promise<[string, TargetImage]> => {
    const [releases, record] = await Promise.all([records.releases(image), records.byDigest(digest!, image)])
    const released = tag === "current" ? releases.find((each) => each.digest === digest)?.tag : undefined
    const revision = record ? { revision: record.revision } : {}
    return [`${image}:${tag}`, { name: image, digest: digest!, asked: tag, tag: released ?? tag, ...revision }]
  })
  return new Map(await Promise.all(images))
}

function notThere(missing: readonly Pair[]): Problem {
  const tags = [...new Set(missing.map(({ tag }) => tag))]
  const current = tags.every((tag) => tag === "current")
  const ship = ["fairlead ship", ...new Set(missing.map(({ image }) => `--family ${image}`))].join(" ")
  return new Problem(`${missing.map(({ image, tag }) => `${image}:${tag}`).join(", ")}: not in the registry`, {
    why: current
      ? "nothing was released there under that name yet"
      : `a release holds only what was shipped with it, so ${tags.join(", ")} may name some of the fleet's images only`,
    fix: current ? ship : `${ship}, and deploy what that releases; or --service for those that have it`,
  })
}
