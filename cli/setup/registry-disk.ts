import { readdir } from "node:fs/promises"
import { inHome } from "../state.ts"
import { must } from "./command.ts"
import { type LockOptions, locked } from "./lock.ts"
import { lifeOf } from "./process.ts"
import { embeddedContainer, registryContainer, registryVolume, startAgain } from "./registry.ts"

/** What came of it: bytes that the disk has back, or why nothing was done. */
export type Freed = { bytes: number } | { left: string }

/**
 * Gives back the disk of what was removed from the embedded registry. A registry sweeps what no manifest names, and an
 * upload that goes on would be among it: the registry stands still meanwhile, only while no other run works here, and
 * whoever starts waits until it is back.
 */
export function freeRegistryDisk(options: LockOptions): Promise<Freed> {
  return locked("setup", options, async () => {
    const there = await embeddedContainer()
    if (!there?.ours) return { left: "the registry is not Fairlead's own" }
    if (await othersWork()) return { left: "another fairlead works here; the next prune does it" }
    const before = await size(there.image)
    await must("the embedded registry goes on", ["docker", "stop", "--time", "20", registryContainer])
    try {
      const sweep = ["docker-registry", "garbage-collect", "/etc/docker/registry/config.yml"] as const
      await must("the embedded registry could not sweep", [...inVolume, there.image, ...sweep])
    } finally {
      // What it knew of its blobs was in its memory: it begins anew.
      await startAgain()
    }
    return { bytes: Math.max(0, before - (await size(there.image))) }
  })
}

const inVolume = [
  ...(["docker", "run", "--rm", "--network", "none", "--pull", "never"] as const),
  ...(["--mount", `type=volume,src=${registryVolume},dst=/var/lib/registry`] as const),
] as const

/** Bytes as they take room on the disk. */
async function size(image: string): Promise<number> {
  const { stdout } = await must("nobody can tell how much the embedded registry holds", [
    ...inVolume,
    ...[image, "du", "--summarize", "--block-size=1", "/var/lib/registry"],
  ])
  return Number.parseInt(stdout, 10)
}

/** Each run has a folder that begins with its process. */
const othersWork = async (): Promise<boolean> =>
  (await readdir(inHome("runs")).catch(() => []))
    .map((name) => Number.parseInt(name, 10))
    .some((pid) => pid !== process.pid && lifeOf(pid) !== undefined)
