import { Command } from "commander"
import { appImages } from "../../dagger/lib/fleet/apps.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { exitCodeOfPrune, type PruneDocument, pruneText } from "../../dagger/lib/report/prune.ts"
import { clock } from "../clock.ts"
import { type OpenRegistry, withRegistry } from "../open-registry.ts"
import { host, registry, type Shared, withShared, yard } from "../options.ts"
import { type OpenHosts, withHosts } from "../rollout/hosts.ts"
import { type Looked, lookForPrune, pruneHosts } from "../rollout/prune-hosts.ts"
import { pruneCaches, pruneRegistry } from "../rollout/prune-registry.ts"
import { freeRegistryDisk } from "../setup/registry-disk.ts"
import { Progress } from "../show/progress.ts"

interface PruneFlags extends Shared {
  host?: string[]
  yard?: string
  registry?: string
  registryOnly?: boolean
  hostsOnly?: boolean
  dryRun?: boolean
}

export const pruneVerb = (): Command =>
  withShared(
    new Command("prune").description(
      "old images on hosts, old releases and build caches in the registry; never what runs, is pinned or is gone back to",
    ),
  )
    .addOption(host())
    .addOption(yard())
    .addOption(registry())
    .option("--registry-only", "remove nothing on hosts; they are asked all the same what they need")
    .option("--hosts-only", "remove nothing in the registry")
    .option("--dry-run", "only tell what would go")
    .action((flags: PruneFlags) => {
      if (flags.registryOnly && (flags.hostsOnly || flags.host))
        throw wrongInput("--registry-only goes with neither --hosts-only nor --host", {
          where: "prune",
          fix: "every host of the yard has to be asked before anything is removed from the registry",
        })
      return withHosts(flags, (open) => prune(open, flags))
    })

async function prune(open: OpenHosts, flags: PruneFlags): Promise<void> {
  const progress = new Progress(flags)
  await withRegistry(open.repository, { flag: flags.registry, progress }, async (images) => {
    const looked = await lookForPrune(open, images)
    const document = await pruned(open, images, looked, { flags, progress })
    progress.done()
    console.log(flags.json ? JSON.stringify(document) : pruneText(document, flags))
    process.exitCode = exitCodeOfPrune(document)
  })
}

async function pruned(
  open: OpenHosts,
  images: OpenRegistry,
  looked: readonly Looked[],
  { flags, progress }: { flags: PruneFlags; progress: Progress },
): Promise<PruneDocument> {
  const { fleet, yard } = open.chosen
  const { dryRun = false, registryOnly = false } = flags
  const hosts = registryOnly
    ? looked.map(({ host, problem }) => ({
        host,
        asked: problem === undefined,
        ...(problem && { problem }),
        items: [],
      }))
    : await pruneHosts(open, images, { looked, dryRun })
  const left = whyLeft(fleet, looked, flags)
  const { host, org } = images.registry.address
  const address = `${host}/${org}`
  const keep = fleet.policy.rollout.keepReleases
  const caches = flags.hostsOnly ? [] : await pruneCaches({ fleet, now: clock().now }, images, dryRun)
  const releases =
    left === undefined ? await pruneRegistry(open, images, { looked, dryRun, names: imageNames(fleet) }) : []
  const manifests = [...releases, ...caches]
  const disk = manifests.some(({ removed }) => removed) ? await diskOf(images, progress) : undefined
  return {
    schema: 1,
    yard,
    dryRun,
    keep,
    hosts,
    registry: { address, ...(left !== undefined && { left }), manifests, ...(disk && { disk }) },
  }
}

/** A registry of somebody else's gives its disk back when its owner wants it to. */
async function diskOf({ chosen, signal }: OpenRegistry, { say }: Progress): Promise<PruneDocument["registry"]["disk"]> {
  if (!chosen.embedded) return undefined
  const freed = await freeRegistryDisk({ say, signal })
  return "left" in freed ? freed : { freed: freed.bytes }
}

/** What a host that was not asked runs, nobody knows: then nothing may go that it could need. */
function whyLeft(fleet: Fleet, looked: readonly Looked[], { hostsOnly }: PruneFlags): string | undefined {
  if (hostsOnly) return "--hosts-only"
  const silent = looked.filter(({ problem }) => problem !== undefined).map(({ host }) => host)
  if (silent.length > 0) return `${silent.join(", ")} could not be asked, and what runs there is not known`
  const missing = Object.keys(fleet.hosts).filter((name) => !looked.some(({ host }) => host === name))
  return missing.length > 0
    ? `${missing.join(", ")} was not to be asked (--host), and what runs there is not known`
    : undefined
}

const imageNames = (fleet: Fleet): string[] => [
  ...Object.keys(fleet.families),
  ...appImages(fleet).map(({ name }) => name),
]
