import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync, type Stats } from "node:fs"
import { dirname, join, posix } from "node:path"
import type { Fleet } from "../fleet/fleet.ts"
import { familyNamed } from "../fleet/hierarchy.ts"
import { wrongInput } from "../problem.ts"
import { readApp } from "./app.ts"
import { type DockerfileNeeds, dockerfileNeeds } from "./dockerfile.ts"

/** What one image is built from, read from the repository. The plan itself never looks at the disk. */
export interface BuildInputs {
  dockerfile: string
  text: string
  /** Names of other images that it stands on or takes from. */
  needs: readonly string[]
  /** path in the repository -> sha256 of the file, sorted by path; the Dockerfile and the lock are among them. */
  files: Readonly<Record<string, string>>
  /** distribution -> version, from the lock; empty without one. */
  pins: Readonly<Record<string, string>>
}

/** Inputs by name of family or builder. */
export type AllInputs = Readonly<Record<string, BuildInputs>>

/**
 * Reads what the named families and all builders are built from. Families without a Dockerfile are left out.
 * Throws a Problem (exit code 2) that names the Dockerfile and the path when something it copies is missing.
 */
export async function readInputs(root: string, fleet: Fleet, families: readonly string[]): Promise<AllInputs> {
  const builders = Object.entries(fleet.builders).map(([name, { dockerfile, lock }]) => {
    return { name, where: `builders.${name}`, dockerfile, lock, args: {}, app: undefined }
  })
  const images = families.map((name) => {
    const { dockerfile, lock, args, app } = familyNamed(fleet, name)
    return { name, where: app ? `apps.${app}` : `families.${name}`, dockerfile, lock, args, app }
  })
  const apps = [...new Set(images.flatMap(({ app, dockerfile }) => (app && dockerfile ? app : [])))]
  const code = Object.fromEntries(
    await Promise.all(apps.map(async (app) => [app, await readApp(root, app, fleet.apps[app]!)] as const)),
  )
  const read = [...builders, ...images].flatMap(({ name, dockerfile, app, ...each }) => {
    if (dockerfile === undefined) return []
    const { files, ...own } = readOne(root, { ...each, dockerfile })
    return [[name, { ...own, files: sortedByPath({ ...files, ...(app === undefined ? {} : code[app]) }) }] as const]
  })
  return Object.fromEntries(read)
}

interface Declared {
  /** "families.web", for messages. */
  where: string
  dockerfile: string
  lock?: string
  args: Readonly<Record<string, string>>
}

// One file after the other, and waited for: thousands of small ones take a third of the time that promises take.
function readOne(root: string, { where, dockerfile, lock, args }: Declared): BuildInputs {
  const written = readBytes(root, dockerfile, `fleet.yaml: ${where}.dockerfile`)
  const text = written.toString("utf8")
  const needs: DockerfileNeeds = dockerfileNeeds(text, args)
  const context = dirname(dockerfile)
  const files: Record<string, string> = { [dockerfile]: sha256(written) }
  let pins = {}
  if (lock) {
    const locked = readBytes(root, lock, `fleet.yaml: ${where}.lock`)
    files[lock] = sha256(locked)
    pins = pinsOf(locked.toString("utf8"))
  }
  const paths = needs.paths.flatMap((path) =>
    filesUnder(root, posix.normalize(posix.join(context, fixedPart(path))), dockerfile),
  )
  const ignore = posix.join(context, ".dockerignore")
  if (found(root, ignore)) paths.push(ignore)
  for (const path of paths) files[path] ??= sha256(readFileSync(join(root, path)))
  return { dockerfile, text, needs: needs.images, files, pins }
}

/** The folder before the first wildcard: a glob counts with all that stands there. */
const fixedPart = (path: string): string => {
  const parts = path.split("/")
  const wild = parts.findIndex((part) => /[*?[]/.test(part))
  return wild < 0 ? path : parts.slice(0, wild).join("/") || "."
}

function filesUnder(root: string, path: string, dockerfile: string): string[] {
  if (path.startsWith(".."))
    throw wrongInput(`copies ${path}, which is outside its build context`, { where: dockerfile })
  const there = found(root, path)
  if (!there) {
    throw wrongInput(`copies ${path}, which does not exist`, {
      where: dockerfile,
      fix: `add ${path}, or drop the line that copies it`,
    })
  }
  if (!there.isDirectory()) return [path]
  return readdirSync(join(root, path)).flatMap((name) => filesUnder(root, posix.join(path, name), dockerfile))
}

function found(root: string, path: string): Stats | undefined {
  try {
    return lstatSync(join(root, path))
  } catch {
    return undefined
  }
}

function readBytes(root: string, path: string, where: string): Buffer {
  try {
    return readFileSync(join(root, path))
  } catch {
    throw wrongInput(`${path} does not exist`, { where, fix: "write the file, or correct the path" })
  }
}

/** "name==1.2.3" lines of a requirements lock. */
export const pinsOf = (lock: string): Record<string, string> =>
  Object.fromEntries(
    [...lock.matchAll(/^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)/gm)].map(([, name, version]) => [
      name!.toLowerCase().replace(/[._-]+/g, "-"),
      version!,
    ]),
  )

const sortedByPath = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)))

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
