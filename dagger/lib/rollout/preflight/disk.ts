import { bytes } from "../../report/text.ts"
import { failed, few, type HostCheck, ok, unknown, type Wanted } from "./check.ts"
import type { DockerFacts } from "./facts.ts"

// Containers write too, and so does whoever else uses the disk.
const alwaysFree = 1_000_000_000
const margin = 1.2

/** There is room for what the host is to run, uncompressed, with a margin, before anything is pulled. */
export const disk: HostCheck = {
  name: "disk",
  judge({ disk, docker }, wanted) {
    if ("error" in docker || !disk) return unknown("Docker could not be asked where it keeps images")
    const { needed, unknownImages, budgets } = neededBytes(docker, wanted)
    const seen = `${bytes(disk.freeBytes)} free in ${disk.folder}`
    const wants = alwaysFree + needed * margin
    const fix = `on ${wanted.host.name}: \`docker system df\` tells who takes what; docker image prune, or a bigger disk`
    if (disk.freeBytes < wants)
      return failed(`${seen}, ${bytes(wants)} wanted: ${bytes(needed)} to pull and a margin`, fix)
    const enough = `${seen}, ${bytes(wants)} wanted`
    if (unknownImages.length === 0) return ok(enough)
    const open = `${few(unknownImages)} ${unknownImages.length > 1 ? "have" : "has"} no record yet`
    if (disk.freeBytes >= wants + budgets * margin) return ok(`${enough}; ${open}, and their budgets fit as well`)
    return unknown(`${enough}; ${open}, and their budgets of ${bytes(budgets)} would not fit`, fix)
  },
}

/** Layers that images share are kept once, and those of images that are there already are not pulled again. */
function neededBytes({ images, store }: DockerFacts, wanted: Wanted) {
  const known = wanted.images.flatMap((image) => (image.known ? [image.known] : []))
  const present = new Set(
    known.filter(({ digest }) => images.includes(digest)).flatMap(({ layers }) => digests(layers)),
  )
  // The containerd store keeps a layer as it came, too.
  const size = (each: { compressed: number; uncompressed: number }) =>
    each.uncompressed + (store === "containerd" ? each.compressed : 0)
  const missing = new Map(
    known.flatMap(({ layers }) =>
      layers.filter((layer) => !present.has(layer.digest)).map((each) => [each.digest, size(each)]),
    ),
  )
  const others = wanted.images.filter((image) => !image.known)
  return {
    needed: [...missing.values()].reduce((sum, each) => sum + each, 0),
    unknownImages: others.map(({ name }) => name),
    budgets: others.reduce((sum, { budget }) => sum + size(budget), 0),
  }
}

const digests = (layers: readonly { digest: string }[]): string[] => layers.map(({ digest }) => digest)
