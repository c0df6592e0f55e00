import { createHash } from "node:crypto"
import { lstat, readdir, readFile } from "node:fs/promises"
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
  const read = [...builders, ...images].map(async ({ name, dockerfile, app, ...each }) => {
    if (dockerfile === undefined) return []
    const code = app === undefined ? {} : await readApp(root, app, fleet.apps[app]!)
    const { files, ...own } = await readOne(root, { ...each, dockerfile })
    return [[name, { ...own, files: sortedByPath({ ...files, ...code }) }] as const]
  })
  return Object.fromEntries((await Promise.all(read)).flat())
}

interface Declared {
  /** "families.web", for messages. */
  where: string
  dockerfile: string
  lock?: string
  args: Readonly<Record<string, string>>
}

async function readOne(root: string, { where, dockerfile, lock, args }: Declared): Promise<BuildInputs> {
  const text = await readText(root, dockerfile, `fleet.yaml: ${where}.dockerfile`)
  const needs: DockerfileNeeds = dockerfileNeeds(text, args)
  const context = dirname(dockerfile)
  const paths = new Set([dockerfile, ...(lock ? [lock] : [])])
  for (const path of needs.paths) {
    const inRepository = posix.normalize(posix.join(context, fixedPart(path)))
    for (const file of await filesUnder(root, inRepository, dockerfile)) paths.add(file)
  }
  const ignore = posix.join(context, ".dockerignore")
  if (await lstat(join(root, ignore)).catch(() => undefined)) paths.add(ignore)
  const files: Record<string, string> = {}
  for (const path of paths) files[path] = sha256(await readFile(join(root, path)))
  const pins = lock ? pinsOf(await readText(root, lock, `fleet.yaml: ${where}.lock`)) : {}
  return { dockerfile, text, needs: needs.images, files, pins }
}

/** The folder before the first wildcard: a glob counts with all that stands there. */
const fixedPart = (path: string): string => {
  const parts = path.split("/")
  const wild = parts.findIndex((part) => /[*?[]/.test(part))
  return wild < 0 ? path : parts.slice(0, wild).join("/") || "."
}

async function filesUnder(root: string, path: string, dockerfile: string): Promise<string[]> {
  if (path.startsWith(".."))
    throw wrongInput(`copies ${path}, which is outside its build context`, { where: dockerfile })
  const found = await lstat(join(root, path)).catch(() => undefined)
  if (!found) {
    throw wrongInput(`copies ${path}, which does not exist`, {
      where: dockerfile,
      fix: `add ${path}, or drop the line that copies it`,
    })
  }
  if (!found.isDirectory()) return [path]
  const names = await readdir(join(root, path))
  return (await Promise.all(names.map((name) => filesUnder(root, posix.join(path, name), dockerfile)))).flat()
}

const readText = (root: string, path: string, where: string): Promise<string> =>
  readFile(join(root, path), "utf8").catch(() => {
    throw wrongInput(`${path} does not exist`, { where, fix: "write the file, or correct the path" })
  })

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
