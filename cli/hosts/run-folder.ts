import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Life, lifeOf, lives } from "../setup/process.ts"

const beginning = "fairlead-ssh-"
const owner = "process.json"

/**
 * A folder for what OpenSSH is told in one run, for this user's eyes only, as mkdtemp makes it. Those of runs that were
 * killed are removed.
 */
export async function runFolder(): Promise<string> {
  await removeLeft()
  const folder = await mkdtemp(join(tmpdir(), beginning))
  await writeFile(join(folder, owner), JSON.stringify(lifeOf(process.pid)), { mode: 0o600 })
  return folder
}

async function removeLeft(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => [])
  const folders = names.filter((name) => name.startsWith(beginning)).map((name) => join(tmpdir(), name))
  await Promise.all(
    folders.map(async (folder) => {
      // Another user's cannot be read; one that is being made has no owner yet. Both stay.
      const text = await readFile(join(folder, owner), "utf8").catch(() => undefined)
      if (text !== undefined && isGone(text)) await rm(folder, { recursive: true, force: true }).catch(() => {})
    }),
  )
}

function isGone(text: string): boolean {
  try {
    return lives(JSON.parse(text) as Life) === false
  } catch {
    return false
  }
}
