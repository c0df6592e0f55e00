import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { lastLines, type ToolboxPart } from "../../dagger/lib/engine/engine.ts"
import { toolboxFingerprint, toolboxFoot, toolboxName } from "../../dagger/lib/engine/toolbox.ts"
import type { Base } from "../../dagger/lib/fleet/base.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { bytes, duration } from "../../dagger/lib/report/text.ts"
import { quoted } from "../../dagger/lib/rollout/quote.ts"
import { caBundle } from "../ca.ts"
import { inHome, label } from "../state.ts"
import { baseLayout, basePart } from "./bases.ts"
import { buildx } from "./buildx.ts"
import { must, run } from "./command.ts"
import type { Found, Part } from "./part.ts"
import { builder, built, pruned, removeImages, removeOldImages } from "./toolbox-leftovers.ts"

const folder = fileURLToPath(new URL("../../dagger/toolbox", import.meta.url))

const foot: Base = { image: toolboxFoot, bootstrap: { suite: "trixie" } }
// 2025-11-22T00:00:00Z. Not the fleet's: another epoch there is no reason to build the tools anew.
const epoch = 1_763_769_600

/** What the whole toolbox stands on. */
export const toolboxBasePart = (): Part => ({
  ...basePart(foot, epoch),
  name: "toolbox:base",
  remove: async () => [
    ...(await basePart(foot, epoch).remove()),
    ...(await removeImages([`reference=${loadedBase}`])),
    ...(await pruned()),
  ],
})

/** One part of the toolbox as an image in Docker. */
export const toolboxPart = (part: ToolboxPart): Part => ({
  name: `toolbox:${part}`,
  after: ["engine", "buildx", "toolbox:base"],
  verb: "built",
  look: () => look(part),
  ready: (say) => ready(part, say),
  remove: () => remove(part),
})

/** Docker's name for a part as this machine would build it. Throws a Problem while the base is not ready. */
export async function toolboxImage(part: ToolboxPart): Promise<string> {
  const { digest } = await baseLayout(foot, epoch)
  return toolboxName(part, toolboxFingerprint(part, await files(), digest))
}

/** A part as an OCI archive, for a Dagger engine. Kept; made from Docker's image where it is missing. */
export async function saveToolbox(part: ToolboxPart): Promise<string> {
  const image = await toolboxImage(part)
  const path = inHome("toolbox", `${part}-${image.split(":")[1]}.tar`)
  if (existsSync(path)) return path
  if ((await look(part)).state !== "ready") await ready(part, () => {})
  await mkdir(inHome("toolbox"), { recursive: true })
  // A name of its own: another process may be saving the same.
  const saving = `${path}.${randomBytes(4).toString("hex")}.new`
  await must(`Docker could not save ${image}`, ["docker", "save", "--output", saving, image])
  await removeArchives(part)
  await rename(saving, path)
  return path
}

const repositoryOf = (part: ToolboxPart): string => toolboxName(part, "").replace(/:$/, "")

async function look(part: ToolboxPart): Promise<Found> {
  const missing: Found = { state: "missing", detail: "not built yet", fix: "`fairlead setup` builds it" }
  const image = await toolboxImage(part).catch(() => undefined)
  if (image === undefined) return missing
  const { exitCode, stdout } = await run(["docker", "image", "inspect", "--format", "{{.Size}}", image])
  if (exitCode !== 0) return missing
  return { state: "ready", detail: `${image}, ${bytes(Number(stdout))}`, short: "toolbox" }
}

async function ready(part: ToolboxPart, say: (line: string) => void): Promise<void> {
  await readyBase(say)
  const image = await toolboxImage(part)
  const started = performance.now()
  say(`building the toolbox part "${part}" …${patience[part] ?? ""}`)
  const [file, ...rest] = [...(await buildx()), ...(await buildArguments(part, image))] as [string, ...string[]]
  const ended = await run([file, ...rest], { env: { FAIRLEAD_SITE: site() } })
  if (ended.exitCode !== 0) {
    throw new Problem(`the toolbox part "${part}" could not be built`, {
      why: ended.why ?? `buildx exited ${ended.exitCode}; last lines:\n${lastLines(ended.stderr, 25)}`,
      fix: "run it again: it resumes where it stopped. docs/set-up.md says what to do behind a proxy or with mirrors",
    })
  }
  await removeOldImages(repositoryOf(part))
  say(`built the toolbox part "${part}" in ${duration((performance.now() - started) / 1000)}`)
}

const patience: Partial<Record<ToolboxPart, string>> = {
  build: " (BuildKit is compiled: 5 to 10 minutes on 2 cores, the first time only)",
  scan: " (Trivy is compiled: 15 to 30 minutes on 2 cores, the first time only)",
}

let readying: Promise<void> | undefined
/** Once, though parts are readied beside each other. */
async function readyBase(say: (line: string) => void): Promise<void> {
  readying ??= (async () => {
    const base = toolboxBasePart()
    if ((await base.look()).state !== "ready") await base.ready(say)
  })()
  await readying
}

async function buildArguments(part: ToolboxPart, image: string): Promise<string[]> {
  const ca = caBundle()
  return [
    "build",
    ...["--builder", await builder()],
    ...["--target", part],
    ...["--build-context", `${toolboxFoot}=${await footContext()}`],
    ...["--label", `${label}=1`],
    ...["--progress", "plain"],
    "--provenance=false",
    ...["--secret", "id=site,env=FAIRLEAD_SITE"],
    ...(ca ? ["--secret", `id=ca,src=${ca}`] : []),
    // BuildKit knows these by name, and keeps them out of the image's history.
    ...proxies.filter((name) => process.env[name]).flatMap((name) => ["--build-arg", name]),
    // zstd takes a quarter of gzip's time; with Docker's own media types the image would be missing in `docker images`.
    ...["--output", `type=docker,name=${image},oci-mediatypes=true,compression=zstd,compression-level=3`],
    folder,
  ]
}

/** The base for BuildKit: by its folder where Docker keeps images in containerd's store, else loaded as an image. */
async function footContext(): Promise<string> {
  const { path, digest } = await baseLayout(foot, epoch)
  const { stdout } = await run(["docker", "info", "--format", "{{json .DriverStatus}}"])
  if (stdout.includes("io.containerd.snapshotter")) return `oci-layout://${path}@${digest}`
  const name = `${loadedBase}:${digest.slice(7, 19)}`
  const known = await run(["docker", "image", "inspect", name])
  if (known.exitCode !== 0) await loadBase(path, name)
  return `docker-image://${name}`
}

const loadedBase = "fairlead/toolbox-base"

async function loadBase(path: string, name: string): Promise<void> {
  const archive = `${path}.tar`
  const what = `Docker could not load ${toolboxFoot}`
  try {
    await must(what, ["tar", "-cf", archive, "-C", path, "."])
    const { stdout } = await must(what, ["docker", "load", "--input", archive])
    const loaded = /Loaded image(?: ID)?: (\S+)/.exec(stdout)?.[1]
    if (!loaded) throw new Problem(what, { why: stdout })
    await must(what, ["docker", "image", "tag", loaded, name])
  } finally {
    await rm(archive, { force: true })
  }
}

const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]

/** Index addresses may hold a password: they go in as a secret, as shell assignments. */
const siteVariables = [
  ...["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"],
  ...["GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB"],
]

export const site = (env: NodeJS.ProcessEnv = process.env): string =>
  siteVariables
    .filter((name) => env[name])
    .map((name) => `${name}=${quoted(env[name]!)}\n`)
    .join("")

/** path -> text of everything in the toolbox folder. */
async function files(): Promise<Record<string, string>> {
  const paths = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(folder.length + 1))
  const texts = paths.map(async (path) => [path, await readFile(join(folder, path), "utf8")] as const)
  return Object.fromEntries(await Promise.all(texts))
}

async function remove(part: ToolboxPart): Promise<string[]> {
  return [...(await removeArchives(part)), ...(await removeImages(built(repositoryOf(part))))]
}

async function removeArchives(part: ToolboxPart): Promise<string[]> {
  const archives = (await readdir(inHome("toolbox")).catch(() => [])).filter((each) => isArchive(part, each))
  for (const each of archives) await rm(inHome("toolbox", each), { force: true })
  return archives.map((each) => `toolbox archive ${each}`)
}

const isArchive = (part: ToolboxPart, file: string): boolean => file.replace(/-[0-9a-f]{12}\.tar$/, "") === part
