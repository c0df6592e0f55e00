import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { z } from "zod"
import { lifeOf, lives } from "../setup/process.ts"
import { inHome } from "../state.ts"

// Which process of this machine carries a run out. Whoever was killed leaves locks on hosts that look held for another
// minute; from here it can be seen that nobody holds them.

const folder = () => inHome("carried-out")
const keptDays = 7

const processSchema = z.strictObject({
  pid: z.int().positive(),
  started: z.string().max(100),
  space: z.string().max(200),
  host: z.string().max(300),
})

/** Writes down that this process carries a run out. The file stays: a lock may outlast its run on a host that was lost. */
export async function carriesOut(run: string): Promise<void> {
  await mkdir(folder(), { recursive: true, mode: 0o700 })
  await writeFile(join(folder(), run), JSON.stringify({ ...lifeOf(process.pid)!, host: hostname() }), { mode: 0o600 })
  for (const name of await readdir(folder())) {
    const path = join(folder(), name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > keptDays * 86_400_000) await rm(path, { force: true })
  }
}

/** Whether a run was carried out by a process of this machine that is not there any more. What is not known is not gone. */
export async function isGone(run: string): Promise<boolean> {
  if (!/^[0-9a-f]{6}$/.test(run)) return false
  const text = await readFile(join(folder(), run), "utf8").catch(() => "null")
  const { data } = processSchema.safeParse(parsed(text))
  return data !== undefined && data.host === hostname() && lives(data) === false
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
