import { appImages } from "../../dagger/lib/fleet/apps.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { digestIn } from "../../dagger/lib/release/reference.ts"
import type { PruneDocument } from "../../dagger/lib/report/prune.ts"
import { readHistory, runsOf } from "../../dagger/lib/rollout/history/history.ts"
import type { HostLook, Snapshot } from "../../dagger/lib/rollout/host/look.ts"
import { imageName } from "../../dagger/lib/rollout/host/names.ts"
import { type PruneOnHost, prunableOn } from "../../dagger/lib/rollout/prune/host.ts"
import { targetsOf } from "../../dagger/lib/rollout/targets.ts"
import type { OpenRegistry } from "../open-registry.ts"
import { recordsOf } from "../yard.ts"
import { changingHosts } from "./held.ts"
import type { OpenHosts } from "./hosts.ts"

/** What a host needs and has, or why nobody knows. */
export interface Looked {
  host: string
  problem?: string
  on?: PruneOnHost
}

/** Asks every host; one that cannot be asked is an answer, too. */
export const lookForPrune = (open: OpenHosts, images: OpenRegistry): Promise<Looked[]> =>
  Promise.all(
    open.names.map(async (host) => {
      try {
        return { host, on: await lookOn(open, images, host) }
      } catch (error) {
        if (error instanceof Problem) return { host, problem: error.message }
        throw error
      }
    }),
  )

async function lookOn(open: OpenHosts, images: OpenRegistry, host: string): Promise<PruneOnHost> {
  const { runner, chosen } = open
  const { fleet } = chosen
  const look = await runner.look(host)
  const snapshots = await snapshotsOf(open, look)
  const { entries } = readHistory(host, await runner.history(host))
  const { host: registry, org } = images.registry.address
  const there = [...look.containers.map(({ image }) => image), ...snapshots.flatMap(imagesOf)]
  return {
    look,
    snapshots,
    keep: fleet.policy.rollout.keepReleases,
    runs: runsOf([{ host, entries }]).map(({ run }) => run),
    pinned: look.pin ? await pinnedDigests(open, images, { host, tag: look.pin.tag }) : [],
    names: new Set([
      ...Object.keys(fleet.families),
      ...appImages(fleet).map(({ name }) => name),
      ...there.map(imageName),
    ]),
    repositories: [...new Set([`${registry}/${org}/`, ...there.filter(digestIn).map(folderOf)])],
  }
}

const imagesOf = ({ services }: Snapshot): string[] => services.map(({ image }) => image)

/** "127.0.0.1:5000/my-fleet/reference-web@sha256:…" comes from "127.0.0.1:5000/my-fleet/". */
const folderOf = (image: string): string => image.replace(/[^/]*$/, "")

/** All of them: the kept ones for what they need, the old ones for what only they needed. */
async function snapshotsOf({ runner }: OpenHosts, { host, snapshots, kept }: HostLook): Promise<Snapshot[]> {
  const known = new Map(kept.map((each) => [each.seq, each]))
  const all = await Promise.all(
    snapshots.map(async ({ seq, services }) => {
      const found = known.get(seq) ?? (await runner.snapshot(host, seq))
      // One that cannot be read is not one that needs nothing.
      if (!found && services > 0)
        throw new Problem(`its snapshot ${seq} cannot be read`, {
          where: host,
          fix: "look at it there, in ~/.fairlead",
        })
      return found ?? { seq, services: [] }
    }),
  )
  return all
}

/** What a pin holds a host at, also before the next deploy brings it there. */
async function pinnedDigests(
  { chosen }: OpenHosts,
  { registry }: OpenRegistry,
  at: { host: string; tag: string },
): Promise<string[]> {
  const wish = { yard: chosen.yard, hosts: [at.host], tag: at.tag, standIns: true, pins: {}, now: new Date() }
  const { instances } = await targetsOf(chosen.fleet, wish, { registry, records: recordsOf(registry.address) })
  return [...new Set(instances.map(({ image }) => image.digest))]
}

/** Removes under the hosts' locks, by what is there then; the runner keeps whatever a container uses. */
export async function pruneHosts(
  open: OpenHosts,
  images: OpenRegistry,
  { looked, dryRun }: { looked: readonly Looked[]; dryRun: boolean },
): Promise<PruneDocument["hosts"]> {
  const there = looked.flatMap(({ host, on }) => (on && on.look.open.length === 0 ? [host] : []))
  const items = new Map<string, PruneDocument["hosts"][number]["items"]>()
  if (dryRun) {
    for (const { host, on } of looked)
      if (on)
        items.set(
          host,
          prunableOn(on).map((each) => ({ ...each, removed: false })),
        )
  } else if (there.length > 0) {
    await changingHosts(open.runner, there, { verb: "prune" }, async (hold) => {
      const what = prunableOn(await lookOn(open, images, hold.host))
      const pruned = what.length > 0 ? await open.runner.prune(hold, what) : []
      items.set(hold.host, pruned)
      return { notes: [`removed ${pruned.filter(({ removed }) => removed).length} of ${pruned.length}`] }
    })
  }
  return looked.map(({ host, problem, on }) => {
    const why = problem ?? unfinished(on)
    return {
      host,
      asked: problem === undefined,
      ...(why !== undefined && { problem: why }),
      items: items.get(host) ?? [],
    }
  })
}

const unfinished = (on: PruneOnHost | undefined): string | undefined =>
  on && on.look.open.length > 0
    ? `run ${on.look.open.join(", ")} was not finished: \`fairlead deploy\` does that`
    : undefined
