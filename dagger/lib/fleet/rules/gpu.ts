import { torchArchList, torchKnows } from "../arch.ts"
import type { Family } from "../family.ts"
import { owned } from "../names.ts"
import type { Complaint, Draft, Entries } from "./rule.ts"

const archArg = "TORCH_CUDA_ARCH_LIST"

/** A service that needs a GPU runs on an image and on hosts that have one, and on as many as its host shows. */
export function* gpuServicesFindAGpu({ services, families, hosts }: Draft): Iterable<Complaint> {
  const lineages = new Lineages(families)
  for (const [name, { family, hosts: on, needs, gpus }] of services) {
    const path = ["services", name]
    if (needs.includes("gpu") !== gpus > 0) {
      const what =
        gpus > 0 ? `is ${gpus}, but needs does not list gpu; add it there` : "is 0, but the service needs gpu; drop it"
      yield { path: [...path, "gpus"], what }
    }
    if (gpus === 0) continue
    if (lineages.of(family)?.gpu === false) {
      const fit = [...families.keys()].filter((each) => lineages.of(each)?.gpu)
      const use = fit.length > 0 ? `use one of ${fit.slice(0, 10).join(", ")}` : "mark a family with gpu: true"
      yield { path: [...path, "family"], what: `${family} cannot use a GPU, which the service needs; ${use}` }
    }
    for (const [index, host] of on.entries()) {
      const there = hosts.get(host)
      const seen = there?.profile.GPU_VISIBLE_DEVICES.split(",").filter(Boolean).length ?? 0
      if (!there) continue
      if (!there.gpu) yield { path: [...path, "hosts", index], what: `${host} has no GPU, which the service needs` }
      else if (gpus > seen) {
        yield {
          path: [...path, "gpus"],
          what: `is ${gpus}, but hosts.${host}.profile.GPU_VISIBLE_DEVICES shows ${seen}`,
        }
      }
    }
  }
}

/** What is compiled for GPUs is compiled for those of the hosts it runs on. */
export function* archsFit({ services, families, hosts }: Draft): Iterable<Complaint> {
  const lineages = new Lineages(families)
  const told = new Set<string>()
  for (const [name, { family, hosts: on, gpus }] of services) {
    const compiled = lineages.of(family)?.archs
    if (gpus === 0 || !compiled) continue
    for (const host of on) {
      const arch = hosts.get(host)?.gpu?.arch
      const key = `${compiled.by} ${host}`
      if (arch === undefined || told.has(key) || compiled.list.includes(arch)) continue
      told.add(key)
      const what = `${compiled.list.join(";")} lacks ${arch}, the GPU of ${host}, where services.${name} runs; add ${arch}`
      yield { path: ["families", compiled.by, "args", archArg], what }
    }
  }
}

/** Torch 2.2 can compile for what the families ask for, and its companions are of the same release. */
export function* torchFits({ families }: Draft): Iterable<Complaint> {
  const lineages = new Lineages(families)
  for (const [name, { args, frozen }] of families) {
    const list = owned(args, archArg)
    const strange = list === undefined ? [] : torchArchList(list).filter((each) => !torchKnows.includes(bare(each)))
    if (list !== undefined && (strange.length > 0 || torchArchList(list).length === 0)) {
      const what = `${strange.join(", ") || "an empty list"} is not known to torch 2.2; write a list such as "8.9;8.6"`
      yield { path: ["families", name, "args", archArg], what }
    }
    const torch = lineages.of(name)?.torch
    for (const [companion, right] of Object.entries(torch ? companions(torch) : {})) {
      const version = owned(frozen, companion)
      if (version !== undefined && !version.startsWith(`${right}.`)) {
        const what = `${version} does not go with torch ${torch}, which wants ${companion} ${right}`
        yield { path: ["families", name, "frozen", companion], what }
      }
    }
  }
}

// Source: the compatibility tables in the READMEs of pytorch/vision and pytorch/audio, for torch 2.0 and newer.
function companions(torch: string): Record<string, string> {
  const [major, minor] = torch.split(".").map(Number)
  if (major !== 2 || minor === undefined) return {}
  return { torchvision: `0.${15 + minor}`, torchaudio: `2.${minor}` }
}

const bare = (arch: string): string => arch.replace("+PTX", "")

/** What a family has of itself or of what it stands on. */
interface Lineage {
  gpu: boolean
  torch?: string
  archs?: { by: string; list: string[] }
}

/** Each family's lineage, found once; undefined where a part of it is unknown or broken. */
class Lineages {
  private readonly known = new Map<string, Lineage | undefined>()

  constructor(private readonly families: Entries<Family>) {}

  of(name: string): Lineage | undefined {
    const open: [string, Family][] = []
    let at: string | undefined = name
    while (at !== undefined && !this.known.has(at)) {
      const family = this.families.get(at)
      // Marked as unknown while it is open, which also ends a circle.
      this.known.set(at, undefined)
      if (!family) break
      open.push([at, family])
      at = family.parent
    }
    let above: Lineage | undefined = at === undefined ? { gpu: false } : this.known.get(at)
    for (const [each, { gpu, args, frozen }] of open.reverse()) {
      if (above) {
        const list = owned(args, archArg)
        above = {
          gpu: above.gpu || gpu,
          torch: owned(frozen, "torch") ?? above.torch,
          archs: list === undefined ? above.archs : { by: each, list: torchArchList(list).map(bare) },
        }
      }
      this.known.set(each, above)
    }
    return above
  }
}
