import { access, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { parseDocument } from "yaml"
import type { Fleet } from "../fleet/fleet.ts"
import { type Lock, readLock } from "../gates/blueprint/lock.ts"

/** What stands in the repository, as far as phases ask for it. */
export interface RepositoryFacts {
  /** path -> the lock as it was read; undefined where fleet.yaml names one that is not there. */
  locks: Readonly<Record<string, Lock | undefined>>
  /** Dockerfiles that fleet.yaml names and that are not there. */
  missingDockerfiles: readonly string[]
  ci: readonly CiFile[]
}

/** A file that a CI reads. */
export interface CiFile {
  path: string
  /** Why it is none; absent where it can be read. */
  broken?: string
  /** It runs `ship`, so that what it releases has been through the gates. */
  ships: boolean
}

const workflows = ".github/workflows"
const single = [".gitlab-ci.yml", ".circleci/config.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml"]

/** Looks at the files that phases ask for. Reads only. */
export async function lookAtRepository(root: string, fleet: Fleet): Promise<RepositoryFacts> {
  const images = [...Object.values(fleet.families), ...Object.values(fleet.builders)]
  const locks = images.flatMap(({ lock }) => (lock ? [lock] : []))
  const dockerfiles = images.flatMap(({ dockerfile }) => (dockerfile ? [dockerfile] : []))
  const there = await Promise.all(
    dockerfiles.map((path) =>
      access(join(root, path)).then(
        () => true,
        () => false,
      ),
    ),
  )
  const found = (await readdir(join(root, workflows)).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort()
  const ci = await Promise.all(
    [...found.map((name) => `${workflows}/${name}`), ...single].map((path) => ciFile(root, path)),
  )
  return {
    locks: Object.fromEntries(await Promise.all(locks.map(async (path) => [path, await lockAt(root, path)] as const))),
    missingDockerfiles: dockerfiles.filter((_, index) => !there[index]),
    ci: ci.filter((each) => each !== undefined),
  }
}

async function lockAt(root: string, path: string): Promise<Lock | undefined> {
  const text = await readFile(join(root, path), "utf8").catch(() => undefined)
  return text === undefined ? undefined : readLock(text)
}

async function ciFile(root: string, path: string): Promise<CiFile | undefined> {
  const text = await readFile(join(root, path), "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  const { errors, contents } = parseDocument(text)
  if (errors.length > 0 || !contents)
    return { path, broken: errors[0]?.message.split("\n")[0] ?? "it is empty", ships: false }
  const commands = text.split("\n").filter((line) => !/^\s*#/.test(line))
  return { path, ships: commands.some((line) => /\b(?:fairlead|dagger call)\b[^#]*\bship\b/.test(line)) }
}
