import { existsSync, readdirSync } from "node:fs"
import { readdir, rm, rmdir } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { Problem } from "../../dagger/lib/problem.ts"
import { home, inHome, label, marker } from "../state.ts"
import { aptPurge } from "./apt.ts"
import { type Argv, run, toldBy } from "./command.ts"
import { dataRoot } from "./docker.ts"
import { dockerServer, dockerState } from "./docker-server.ts"
import { stopDaemon } from "./dockerd.ts"
import { locked } from "./lock.ts"
import { type Made, made } from "./made.ts"
import { inOrder, type Part } from "./part.ts"

export interface CleanOptions {
  /** Also the container engine, if set-up installed it. */
  engine?: boolean
  say: (line: string) => void
}

/** What was removed and what was left, a line each. */
export interface Cleaned {
  removed: string[]
  left: string[]
}

/** Removes what set-up made, and nothing else: first what stands on other parts, the state folder last. */
export async function clean(parts: readonly Part[], options: CleanOptions): Promise<Cleaned> {
  const cleaned: Cleaned = { removed: [], left: [] }
  // Nothing was ever made here: not even a folder for the lock.
  if (!existsSync(home()) && !(await dockerServer())) return cleaned
  await locked("setup", options, async () => {
    const docker = (await dockerState()).is
    for (const part of inOrder(parts).reverse()) await removed(cleaned, () => part.remove())
    if (docker === "answering") await sweep(cleaned)
    if (docker === "silent" && holdsData()) {
      cleaned.left.push("what Docker keeps, which does not answer: `fairlead setup` starts it, then run this again")
    } else await removeEngine(cleaned, options.engine ?? false, docker === "answering")
  })
  await removeState(cleaned)
  return cleaned
}

// Where Docker keeps a folder per container, volume and image, in the containerd image store and in the classic one.
const dataFolders = [
  "containers",
  "volumes",
  "image/overlay2/imagedb/content/sha256",
  "containerd/daemon/io.containerd.content.v1.content/blobs/sha256",
]

/** A daemon that never came up keeps nothing. `volumes` also holds files of its own beside the folders. */
const holdsData = (): boolean =>
  dataFolders.some((folder) => {
    const path = join(dataRoot, folder)
    if (!existsSync(path)) return false
    return readdirSync(path, { withFileTypes: true }).some((each) => folder !== "volumes" || each.isDirectory())
  })

async function removed(cleaned: Cleaned, remove: () => Promise<string[]>): Promise<void> {
  try {
    cleaned.removed.push(...(await remove()))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    cleaned.left.push(error.message)
  }
}

interface Kind {
  noun: string
  list: Argv
  remove: Argv
}

const labelled = ["--filter", `label=${label}`] as const
// Containers first: what they use cannot be removed before.
const kinds: readonly Kind[] = [
  {
    noun: "container",
    list: ["docker", "ps", "--all", ...labelled, "--format", "{{.Names}}"],
    remove: ["docker", "rm", "--force", "--volumes"],
  },
  {
    noun: "network",
    list: ["docker", "network", "ls", ...labelled, "--format", "{{.Name}}"],
    remove: ["docker", "network", "rm"],
  },
  {
    noun: "volume",
    list: ["docker", "volume", "ls", ...labelled, "--format", "{{.Name}}"],
    remove: ["docker", "volume", "rm"],
  },
  {
    noun: "image",
    list: [
      "docker",
      "image",
      "ls",
      ...labelled,
      "--format",
      '{{if eq .Repository "<none>"}}{{.ID}}{{else}}{{.Repository}}:{{.Tag}}{{end}}',
    ],
    remove: ["docker", "image", "rm"],
  },
]

/** Everything that carries Fairlead's label: services of killed runs, caches, images. */
async function sweep(cleaned: Cleaned): Promise<void> {
  for (const { noun, list, remove } of kinds) {
    const { stdout } = await run(list)
    for (const name of new Set(stdout.split("\n").filter(Boolean))) {
      const argv: Argv = [...remove, name]
      const ended = await run(argv)
      if (ended.exitCode === 0) cleaned.removed.push(`${noun} ${name}`)
      else cleaned.left.push(`${noun} ${name}: ${toldBy(argv, ended)}`)
    }
  }
}

async function removeEngine(cleaned: Cleaned, asked: boolean, answers: boolean): Promise<void> {
  const known = await made()
  const what = [described(known.packages), ...known.files].filter(Boolean).join(", ") || "a dockerd that it started"
  if (known.packages.length + known.files.length === 0 && !known.daemon) return
  if (!asked) {
    cleaned.left.push(`the container engine that set-up installed (${what}): --engine removes it too`)
    return
  }
  const others = answers ? await inUse() : []
  if (others.length > 0) {
    cleaned.left.push(`the container engine (${what}): ${others.join(", ")} in it that Fairlead did not make`)
    return
  }
  if (await stopDaemon()) cleaned.removed.push("the dockerd that set-up started")
  if (known.packages.length + known.files.length > 0) await removeInstalled(cleaned, known)
}

const described = (packages: readonly string[]): string =>
  packages.length > 0 ? `${packages.length} packages: ${packages.join(" ")}` : ""

/** What somebody else keeps in the engine. */
async function inUse(): Promise<string[]> {
  const count = async (noun: string, argv: Argv) => {
    const names = (await run(argv)).stdout.split("\n").filter(Boolean)
    return names.length > 0 ? [`${names.length} ${noun}${names.length > 1 ? "s" : ""}`] : []
  }
  const counts = await Promise.all([
    count("container", ["docker", "ps", "--all", "--quiet"]),
    count("image", ["docker", "image", "ls", "--quiet"]),
    count("volume", ["docker", "volume", "ls", "--quiet"]),
  ])
  return counts.flat()
}

async function removeInstalled(cleaned: Cleaned, known: Made): Promise<void> {
  const purge = await aptPurge(known.packages)
  if (purge.left) {
    cleaned.left.push(purge.left)
    return
  }
  if (purge.removed.length > 0) cleaned.removed.push(described(purge.removed))
  for (const path of [...known.files, ...(known.dataRoot ? [known.dataRoot] : [])]) {
    if (!existsSync(path)) continue
    await rm(path, { recursive: true, force: true })
    // The folder of a file, if that was all it held.
    await rmdir(dirname(path)).catch(() => {})
    cleaned.removed.push(path)
  }
}

/** The whole folder if Fairlead made it. made.json stays as long as there is something left that it alone remembers. */
async function removeState(cleaned: Cleaned): Promise<void> {
  const folder = resolve(home())
  if (!existsSync(folder)) return
  const known = await made()
  const remembers = cleaned.left.length > 0 && (known.packages.length > 0 || known.daemon !== undefined)
  const marked = existsSync(join(folder, marker)) || !process.env.FAIRLEAD_HOME
  const ours = marked && folder !== resolve(homedir()) && folder !== "/"
  if (!ours) {
    cleaned.left.push(`${folder}: it was there before Fairlead; remove it yourself if nothing else is in it`)
    return
  }
  const keep = remembers ? ["made.json", "dockerd.log", marker] : []
  for (const name of await readdir(folder)) {
    if (!keep.includes(name)) await rm(inHome(name), { recursive: true, force: true })
  }
  if (keep.length === 0) await rm(folder, { recursive: true, force: true })
  cleaned.removed.push(keep.length === 0 ? folder : `${folder}, but for ${keep[0]}`)
}
