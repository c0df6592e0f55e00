import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { lstat, readdir, readFile, readlink } from "node:fs/promises"
import { join } from "node:path"
import type { App } from "../fleet/app.ts"
import { wrongInput } from "../problem.ts"
import { type Ignored, ignoredBy } from "./ignore.ts"

/**
 * What of an app's folder gets into its images: path in the repository -> digest. What .dockerignore leaves out is not
 * among it, so that Python's caches on somebody's machine build nothing anew. Throws a Problem (exit code 2).
 */
export async function readApp(root: string, name: string, { path, lock }: App): Promise<Record<string, string>> {
  const where = `fleet.yaml: apps.${name}.path`
  const folder = join(root, path!)
  if (!(await lstat(folder).catch(() => undefined))?.isDirectory()) {
    throw wrongInput(`there is no folder ${path}`, { where, fix: "write the app there, or correct the path" })
  }
  const ignored = await ignoredIn(folder, `${path}/.dockerignore`)
  const found = (await under(folder)).filter((each) => !ignored(each)).sort()
  if (found.length === 0) throw wrongInput(`${path} holds no files`, { where, fix: "write the app there" })
  if (lock === undefined && found.includes("requirements.lock")) {
    throw wrongInput(`${path}/requirements.lock is there, and the app names no lock`, {
      where: `fleet.yaml: apps.${name}.lock`,
      why: "what it lists would be in no image",
      fix: `write lock: ${path}/requirements.lock, or leave the file out`,
    })
  }
  const files: Record<string, string> = {}
  for (const each of found) files[`${path}/${each}`] = await digestOf(join(folder, each), `${path}/${each}`)
  return files
}

async function ignoredIn(folder: string, shown: string): Promise<Ignored> {
  const text = await readFile(join(folder, ".dockerignore"), "utf8").catch(() => "")
  try {
    return ignoredBy(text)
  } catch {
    throw wrongInput("has a pattern that cannot be read", { where: shown, fix: "look at what stands in [brackets]" })
  }
}

async function under(folder: string, inside = ""): Promise<string[]> {
  const entries = await readdir(join(folder, inside), { withFileTypes: true })
  const found = entries.map(async (entry) => {
    const path = inside === "" ? entry.name : `${inside}/${entry.name}`
    return entry.isDirectory() ? under(folder, path) : [path]
  })
  return (await Promise.all(found)).flat()
}

/** Over what the image gets: a link stays a link, and whether a file can be run is kept. */
async function digestOf(path: string, shown: string): Promise<string> {
  const status = await lstat(path)
  const hash = createHash("sha256")
  if (status.isSymbolicLink()) return `${hash.update(await readlink(path)).digest("hex")} link`
  if (!status.isFile()) {
    throw wrongInput("is neither a file nor a folder", {
      where: shown,
      fix: "take it out, or name it in .dockerignore",
    })
  }
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest("hex") + ((status.mode & 0o111) === 0 ? "" : " x")
}
