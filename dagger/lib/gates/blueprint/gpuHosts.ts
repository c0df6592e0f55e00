import type { Fleet } from "../../fleet/fleet.ts"
import { lineage } from "../../fleet/hierarchy.ts"
import type { Gpu } from "../../fleet/host.ts"
import type { GpuCode } from "../inside.ts"
import { type Fact, installs, named, ofFiles, run, type Wanted } from "./fact.ts"
import { normalName } from "./version.ts"

/** Whether the image's CUDA code runs on the GPUs, and with the drivers, of the hosts that it goes to. */
export function gpuHostFacts({ rules: { fleet }, origin, family }: Wanted): Fact[] {
  const hosts = gpuHosts(fleet, family.name)
  if (hosts.length === 0) return []
  const told = hosts.map(({ name, gpu }) => `${name} (${gpu.name}, ${gpu.arch})`).join(", ")
  return [
    ofFiles("gpu code", `has code in every CUDA library for the GPUs of ${told}`, ({ gpuCode }) => {
      const { libraries, unread } = gpuCode
      const unfit = libraries.flatMap((library) => {
        const without = hosts
          .filter(({ gpu }) => !runsOn(library, gpu.arch))
          .map(({ name, gpu }) => `${name} (${gpu.arch})`)
        return without.length > 0
          ? [`${library.path} has ${codeOf(library)} and nothing for ${without.join(", ")}`]
          : []
      })
      const wrong = [...unfit, ...unread.map(({ path, why }) => `${path}: ${why}`)]
      return {
        evidence: libraries.length === 0 ? "no CUDA code" : `${libraries.length} libraries: ${codeOf(all(libraries))}`,
        wrong:
          wrong.length > 0
            ? {
                what: named(wrong),
                where: run(origin, /keep-gpu-code/) ?? run(origin, installs),
                fix: "take a build of it for that GPU, or keep its code: families.….args.GPU_CODE in fleet.yaml",
              }
            : undefined,
      }
    }),
    ofFiles(
      "gpu driver",
      `has a CUDA that the drivers of ${hosts.map(({ name }) => name).join(", ")} run`,
      (inside) => {
        const runtimes = inside.distributions.filter(({ name }) => runtime.test(normalName(name)))
        const evidence = runtimes.map(({ name, version }) => `${name} ${version}`).join(", ") || "no CUDA runtime"
        const wrong = runtimes.flatMap(({ version }) => {
          const oldest = oldestDriver[version.split(".")[0]!]
          if (oldest === undefined) return [`CUDA ${version} is not known here`]
          const old = hosts
            .filter(({ gpu }) => gpu.driver < oldest)
            .map(({ name, gpu }) => `${name} may have ${gpu.driver}`)
          return old.length > 0 ? [`CUDA ${version} wants a driver from ${oldest} on, and ${old.join(", ")}`] : []
        })
        return {
          evidence,
          wrong:
            wrong.length > 0
              ? {
                  what: named(wrong),
                  where: run(origin, installs),
                  fix: `take a build for an older CUDA, or install a newer driver and say so in hosts.${hosts[0]!.name}.gpu.driver`,
                }
              : undefined,
        }
      },
    ),
  ]
}

/** What there is for GPUs, by architecture. */
type Code = Pick<GpuCode["libraries"][number], "compiled" | "ptx">

const runtime = /^nvidia-cuda-runtime(?:-cu[0-9]+)?$/

/**
 * The oldest driver for each generation of CUDA, by its major number: within one, later releases run on it as well. Source:
 * "CUDA minor version compatibility" in NVIDIA's CUDA release notes (11.x: 450.80.02, 12.x: 525.60.13, 13.x: 580).
 */
const oldestDriver: Record<string, number> = { 11: 450, 12: 525, 13: 580 }

/** The hosts with a GPU that run the family or what stands on it; all of them while no service does. */
function gpuHosts(fleet: Fleet, family: string): { name: string; gpu: Gpu }[] {
  const standing = new Set(
    Object.keys(fleet.families).filter((each) => lineage(fleet, each).some(({ name }) => name === family)),
  )
  const named = new Set(Object.values(fleet.services).flatMap((each) => (standing.has(each.family) ? each.hosts : [])))
  return Object.entries(fleet.hosts).flatMap(([name, { gpu }]) =>
    gpu && (named.size === 0 || named.has(name)) ? [{ name, gpu }] : [],
  )
}

/**
 * Machine code runs on GPUs of its own generation that are not older; PTX is compiled for any that is not older. Source:
 * "Application compatibility" in NVIDIA's CUDA programming guide.
 */
export const runsOn = ({ compiled, ptx }: Code, gpu: string): boolean =>
  compiled.some((arch) => generation(arch) === generation(gpu) && Number(arch) <= Number(gpu)) ||
  ptx.some((arch) => Number(arch) <= Number(gpu))

const generation = (arch: string): string => arch.split(".")[0]!

const codeOf = ({ compiled, ptx }: Code): string =>
  [compiled.join(" "), ptx.length > 0 ? `PTX ${ptx.join(" ")}` : ""].filter(Boolean).join(" and ") || "no code"

/** What any of the libraries has. */
const all = (libraries: GpuCode["libraries"]): Code => ({
  compiled: sorted(libraries.flatMap(({ compiled }) => compiled)),
  ptx: sorted(libraries.flatMap(({ ptx }) => ptx)),
})

const sorted = (archs: readonly string[]): string[] => [...new Set(archs)].sort((a, b) => Number(a) - Number(b))
