import { createHash } from "node:crypto"
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Base } from "../../dagger/lib/fleet/base.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { bytes, duration } from "../../dagger/lib/report/text.ts"
import { inHome } from "../state.ts"
import { bootstrapped } from "./bootstrapped-base.ts"
import { writeLayout } from "./layout.ts"
import type { Found, Part } from "./part.ts"
import { pulledBase } from "./pulled-base.ts"

/** A base as it stands ready: an OCI layout folder and the digest that it is named by in there. */
export interface BaseLayout {
  path: string
  digest: string
}

/** base.json: what the folder beside it holds, and where that came from. */
export interface BaseRecord {
  image: string
  digest: string
  epoch: number
  from: "registry" | "packages"
  /** The digest that the registry knows it by. */
  pulled?: string
  suite?: string
  /** The moment of the archive that it was made from. */
  snapshot?: string
  /** name -> version. */
  packages?: Record<string, string>
}

/** Moved when the way a base is made changes what is in it. */
const recipe = 2

/** A base as an OCI layout: pulled where an image registry answers, else made from Debian's packages. */
export const basePart = (base: Base, epoch: number): Part => ({
  name: `base:${base.image}`,
  after: ["engine", "buildx"],
  verb: "made",
  look: () => look(base, epoch),
  ready: async (say) => {
    await ready(base, epoch, say)
  },
  remove: () => remove(base),
})

/** Where the base is, once it is ready. Throws a Problem before that. */
export async function baseLayout(base: Base, epoch: number): Promise<BaseLayout> {
  const { digest } = await recordOf(base, epoch)
  return { path: folderOf(base, epoch), digest }
}

async function recordOf(base: Base, epoch: number): Promise<BaseRecord> {
  const text = await readFile(join(folderOf(base, epoch), "base.json"), "utf8").catch(() => undefined)
  if (text !== undefined) return JSON.parse(text) as BaseRecord
  throw new Problem(`the base ${base.image} is not there yet`, { fix: "`fairlead setup` makes it" })
}

const folderOf = (base: Base, epoch: number): string => inHome("bases", `${plainName(base)}-${keyOf(base, epoch)}`)

const plainName = ({ image }: Base): string => image.replace(/[^a-zA-Z0-9.]+/g, "-")

const keyOf = ({ image, digest, bootstrap }: Base, epoch: number): string =>
  createHash("sha256")
    .update(JSON.stringify([recipe, image, digest ?? "", bootstrap?.suite ?? "", epoch, ...snapshotOf(bootstrap)]))
    .digest("hex")
    .slice(0, 12)

// Only where there is one, so that bases of before stay what they are.
const snapshotOf = (bootstrap: Base["bootstrap"]): string[] => (bootstrap?.snapshot ? [bootstrap.snapshot] : [])

async function look(base: Base, epoch: number): Promise<Found> {
  try {
    const { digest, from } = await recordOf(base, epoch)
    return { state: "ready", detail: `${base.image}, ${origin(from)}, ${digest.slice(0, 19)}`, short: "bases" }
  } catch {
    return { state: "missing", detail: `${base.image} is not there yet`, fix: "`fairlead setup` makes it" }
  }
}

const origin = (from: BaseRecord["from"]): string => (from === "registry" ? "pulled" : "made from Debian's packages")

/** Made in a folder of its own and moved into place when it is whole, so that Ctrl-C leaves nothing half done. */
async function ready(base: Base, epoch: number, say: (line: string) => void): Promise<void> {
  if ((await look(base, epoch)).state === "ready") return
  const started = performance.now()
  const folder = folderOf(base, epoch)
  const making = `${inHome("bases")}/.making-${plainName(base)}`
  await rm(making, { recursive: true, force: true })
  await mkdir(join(making, "layout"), { recursive: true })
  try {
    const record = await make(base, epoch, making, say)
    await writeFile(join(making, "layout/base.json"), `${JSON.stringify(record, undefined, 2)}\n`)
    await remove(base)
    await rename(join(making, "layout"), folder)
    const took = duration((performance.now() - started) / 1000)
    say(`${base.image} is ${origin(record.from)} in ${took}, ${bytes(await sizeOf(folder))}, ${record.digest}`)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

async function make(base: Base, epoch: number, making: string, say: (line: string) => void): Promise<BaseRecord> {
  const layout = join(making, "layout")
  // What a registry has is of another day than the one that is pinned.
  const answer = base.bootstrap?.snapshot
    ? { refused: `packages are pinned to ${base.bootstrap.snapshot}` }
    : await pulledBase(base, making)
  if (!("refused" in answer)) return { image: base.image, epoch, from: "registry", ...answer }
  if (!base.bootstrap) {
    throw new Problem(`${base.image} cannot be pulled`, {
      why: answer.refused,
      fix: "see that `docker pull` of it works: a mirror goes into registry-mirrors of /etc/docker/daemon.json",
    })
  }
  const pinned = base.digest ? `; its pinned digest ${base.digest.slice(0, 19)} is not what is used then` : ""
  const { suite, snapshot } = base.bootstrap
  const because = snapshot ? "" : "no image registry serves it: "
  say(`making ${base.image} from Debian's packages (${because}${answer.refused})${pinned} …`)
  const { tar, packages } = await bootstrapped({ image: base.image, suite, snapshot, epoch, folder: making, say })
  const { digest } = await writeLayout(tar, layout, epoch)
  return { image: base.image, digest, epoch, from: "packages", suite, ...(snapshot ? { snapshot } : {}), packages }
}

/** Also those of other epochs and digests: the last one made is the one in use. */
async function remove(base: Base): Promise<string[]> {
  const folders = await readdir(inHome("bases")).catch(() => [])
  const ours = folders.filter((each) => each.replace(/-[0-9a-f]{12}$/, "") === plainName(base))
  for (const each of ours) await rm(inHome("bases", each), { recursive: true, force: true })
  return ours.map((each) => `base ${each}`)
}

async function sizeOf(folder: string): Promise<number> {
  const blobs = join(folder, "blobs/sha256")
  const sizes = await Promise.all((await readdir(blobs)).map(async (each) => (await stat(join(blobs, each))).size))
  return sizes.reduce((sum, each) => sum + each, 0)
}
