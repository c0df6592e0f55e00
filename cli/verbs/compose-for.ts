import { mkdir, writeFile } from "node:fs/promises"
import { isIP } from "node:net"
import { join, relative, resolve } from "node:path"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { hostNamed } from "../../dagger/lib/fleet/named.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { current } from "../../dagger/lib/release/publish.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { imagesTagged } from "../../dagger/lib/rollout/orchestrators/images.ts"
import { instancesOf, type OrchestratorOptions } from "../../dagger/lib/rollout/orchestrators/instances.ts"
import { kubernetesFiles, kubernetesNotes } from "../../dagger/lib/rollout/orchestrators/kubernetes.ts"
import { swarmFiles, swarmNotes } from "../../dagger/lib/rollout/orchestrators/swarm.ts"
import { tagSchema } from "../../dagger/lib/rollout/pin/pin.ts"
import type { Shared } from "../options.ts"
import { namedRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { recordsOf } from "../yard.ts"

export interface OrchestratorFlags extends Shared {
  for: "swarm" | "kubernetes"
  host?: string
  output?: string
  tag?: string
  digests?: boolean
  registry?: string
  observability?: string
}

/** Prints the fleet as an orchestrator takes it, or writes it into a folder; what people should know goes to stderr. */
export async function renderFor(flags: OrchestratorFlags): Promise<void> {
  const { fleet } = await openRepository(flags.source)
  const host = flags.host === undefined ? undefined : hostNamed(fleet, flags.host).name
  const { observability } = flags
  if (observability !== undefined && isIP(observability) === 0)
    throw wrongInput("is no IP address", { where: "--observability", fix: 'write an address such as "192.0.2.1"' })
  const { files, document, notes } = await rendered(fleet, flags, { host, observability })
  const folder = flags.output === undefined ? undefined : resolve(flags.output)
  if (folder !== undefined) {
    await mkdir(folder, { recursive: true })
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  }
  if (flags.json) {
    console.log(JSON.stringify({ schema: 1, for: flags.for, files, notes }))
  } else if (folder === undefined) {
    process.stdout.write(document)
    for (const note of notes) process.stderr.write(`${line("note", note)}\n`)
  } else {
    const paths = Object.keys(files).map((name) => relative(process.cwd(), join(folder, name)))
    console.log([line(flags.for, paths.join(", ")), ...notes.map((note) => line("note", note))].join("\n"))
  }
}

interface Rendered {
  files: Record<string, string>
  /** What goes to stdout. */
  document: string
  notes: string[]
}

async function rendered(fleet: Fleet, flags: OrchestratorFlags, options: OrchestratorOptions): Promise<Rendered> {
  const instances = instancesOf(fleet, options)
  if (flags.for === "kubernetes") {
    const files = kubernetesFiles(fleet, { ...options, image: await images(fleet, flags) })
    return { files, document: Object.values(files).join("---\n"), notes: kubernetesNotes(fleet, instances) }
  }
  // A stack knows variables as compose files do, unless somebody says here what it runs.
  const fixed = flags.tag !== undefined || flags.digests || flags.registry !== undefined
  const files = swarmFiles(fleet, { ...options, ...(fixed ? { image: await images(fleet, flags) } : {}) })
  return { files, document: files["stack.yaml"]!, notes: swarmNotes(fleet, instances) }
}

async function images(fleet: Fleet, { tag = current, digests, registry }: OrchestratorFlags) {
  const right = tagSchema.safeParse(tag)
  if (!right.success) throw wrongInput(right.error.issues[0]!.message, { where: "--tag" })
  const { address } = namedRegistry(fleet, registry)
  return imagesTagged(fleet, {
    registry: address,
    tag,
    ...(digests ? { releases: await recordsOf(address).releases() } : {}),
  })
}
