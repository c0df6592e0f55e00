import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"

/** What a host's stand-in for nvidia-smi answers. */
export interface StandInGpu {
  /** As the real nvidia-smi would call it. */
  name: string
  driver: string
  /** CUDA compute capability. */
  arch: string
  memoryMiB: number
}

// What the owner's two hosts have; fleet.yaml names the oldest driver that will do, not the one that is there.
const known: Record<string, { driver: string; memoryMiB: number }> = {
  "RTX 4090": { driver: "550.90", memoryMiB: 24_564 },
  "RTX 3060": { driver: "545.23", memoryMiB: 12_288 },
}

/** The GPU that fleet.yaml gives the host; undefined where it has none. */
export function gpuOf(fleet: Fleet, host: string): StandInGpu | undefined {
  const gpu = fleet.hosts[host]?.gpu
  if (!gpu) return undefined
  const { driver, memoryMiB } = known[gpu.name] ?? { driver: `${gpu.driver}.0`, memoryMiB: 8192 }
  const name = /^(?:RTX|GTX) /.test(gpu.name) ? `NVIDIA GeForce ${gpu.name}` : gpu.name
  return { name, driver, arch: gpu.arch, memoryMiB }
}
