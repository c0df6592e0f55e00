import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { caBundle } from "../cli/ca.ts"
import { commitOf } from "../cli/git.ts"
import { openRepository } from "../cli/repository.ts"
import { baseLayout } from "../cli/setup/bases.ts"
import { buildx } from "../cli/setup/buildx.ts"
import { buildOrder } from "../dagger/lib/fleet/hierarchy.ts"
import { type BakeFile, type BakeTarget, bakeFile, bakeText } from "../dagger/lib/plan/bake.ts"
import { pathsOf } from "../dagger/lib/plan/plan.ts"
import { readAsked } from "../dagger/lib/plan/reading.ts"
import { revisionOf } from "../dagger/lib/plan/tag.ts"
import type { Arena } from "./arena.ts"
import { type Competitor, runs } from "./competitor.ts"
import { type BuildFleet, leaf } from "./fleet.ts"

// The registry by its name in the arena's network: it is BuildKit that pushes.
const ref = (name: string, tag: string): string => `registry:5000/fleet/${name}:${tag}`
const cacheFrom = (name: string) => `type=registry,ref=${ref(name, "buildcache")}`
const cacheTo = (name: string) => `${cacheFrom(name)},mode=max`
const builder = "bench"

/** The blueprint's sketch: `docker buildx build` for one image after another, parents by their tag in the registry. */
export class Loop implements Competitor {
  readonly name = "loop"
  /** The tag under which the whole fleet was pushed last: what a leaf alone stands on. */
  private parents = ""
  constructor(
    readonly arena: Arena,
    private readonly fleet: BuildFleet,
  ) {}

  standBy = () => readyBuilder(this.arena)

  async ship(tag: string): Promise<object> {
    const file = await targetsOf(this.fleet)
    for (const name of inOrder(file)) await this.build(file, name, { tag, parents: tag })
    this.parents = tag
    return {}
  }

  /** What one image alone takes: the floor for a run in which nothing else changed. */
  async leafAlone(tag: string): Promise<object> {
    await this.build(await targetsOf(this.fleet), leaf, { tag, parents: this.parents })
    return {}
  }

  async build(file: BakeFile, name: string, tags: { tag: string; parents: string }) {
    const { arena } = this
    await runs([...(await buildx()), ...buildArguments(name, file.target[name]!, tags)], {
      cwd: this.fleet.checkout.root,
      env: arena.buildxEnv,
    })
  }
}

/**
 * The same images as linked targets of one bake file, in one solve. With a registry cache for each of many targets BuildKit
 * comes to no end: of 68 images a second run had filled 27 GB when it was stopped after four minutes.
 */
export class Bake implements Competitor {
  readonly name = "bake"
  constructor(
    readonly arena: Arena,
    private readonly fleet: BuildFleet,
    private readonly registryCache: boolean,
  ) {}

  standBy = () => readyBuilder(this.arena)

  async ship(tag: string): Promise<object> {
    const file = await targetsOf(this.fleet)
    for (const name of this.fleet.images) {
      Object.assign(file.target[name]!, {
        ...{ tags: [ref(name, tag)], output: ["type=registry"] },
        ...(this.registryCache ? { "cache-from": [cacheFrom(name)], "cache-to": [cacheTo(name)] } : {}),
      })
    }
    const path = join(this.arena.home, "bake.json")
    await writeFile(path, bakeText(file))
    const argv = ["bake", "--builder", builder, "--file", path, "--progress", "plain"]
    await runs([...(await buildx()), ...argv], { cwd: this.fleet.checkout.root, env: this.arena.buildxEnv })
    return {}
  }
}

async function readyBuilder(arena: Arena): Promise<void> {
  const at = await arena.startBuildkit()
  const [options, command] = [{ cwd: arena.home, env: arena.buildxEnv }, await buildx()]
  await runs([...command, "rm", "--force", builder], options).catch(() => {})
  await runs([...command, "create", "--name", builder, "--driver", "remote", at], options)
}

/** The targets that Fairlead itself would hand to bake; what is made of them is each competitor's own. */
export async function targetsOf({ checkout: { root }, families, apps }: BuildFleet): Promise<BakeFile> {
  const repository = await openRepository(root)
  const { fleet } = repository
  const reading = await readAsked(repository, { families: [...families], apps: [...apps] }, commitOf)
  const bases = await Promise.all(
    Object.entries(fleet.bases).map(async ([name, base]) => [name, await baseLayout(base, fleet.epoch)] as const),
  )
  const names = buildOrder(fleet, reading.asked).map(({ name }) => name)
  const revision = (name: string) => revisionOf(reading.commit, pathsOf(fleet, reading.inputs, name))
  return bakeFile(fleet, reading.inputs, {
    root,
    families: names,
    bases: Object.fromEntries(bases.map(([name, { path, digest }]) => [name, `oci-layout://${path}@${digest}`])),
    baseDigests: Object.fromEntries(bases.map(([name, { digest }]) => [name, digest])),
    revisions: Object.fromEntries(names.map((name) => [name, revision(name)])),
    secrets: secrets(),
  })
}

function secrets(): string[] {
  const ca = caBundle()
  const index = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"].find((name) => process.env[name] !== undefined)
  return [
    ...(ca ? [`id=ca,src=${ca}`] : []),
    ...(index ? [`id=index,env=${index}`] : []),
    ...(process.env.GOPROXY ? ["id=goproxy,env=GOPROXY"] : []),
  ]
}

/** Each target after those that it links to. */
export function inOrder({ target }: Pick<BakeFile, "target">): string[] {
  const order = new Set<string>()
  const add = (name: string) => {
    for (const context of Object.values(target[name]!.contexts ?? {}))
      if (context.startsWith(linked)) add(context.slice(linked.length))
    order.add(name)
  }
  for (const name of Object.keys(target)) add(name)
  return [...order]
}

const linked = "target:"

function buildArguments(
  name: string,
  target: BakeTarget,
  { tag, parents }: { tag: string; parents: string },
): string[] {
  const contexts = Object.entries(target.contexts ?? {}).map(([image, from]) =>
    from.startsWith(linked) ? `${image}=docker-image://${ref(from.slice(linked.length), parents)}` : `${image}=${from}`,
  )
  const each = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value])
  const pairs = (values: Record<string, string> = {}) => Object.entries(values).map(([key, value]) => `${key}=${value}`)
  return [
    ...["build", "--builder", builder, "--progress", "plain", "--platform", "linux/amd64", "--provenance=false"],
    ...["--file", join(target.context, target.dockerfile)],
    ...each("--build-context", contexts),
    ...each("--build-arg", pairs(target.args)),
    ...each("--label", pairs(target.labels)),
    ...each("--secret", target.secret ?? []),
    ...["--cache-from", cacheFrom(name), "--cache-to", cacheTo(name)],
    ...["--tag", ref(name, tag), "--push", target.context],
  ]
}
