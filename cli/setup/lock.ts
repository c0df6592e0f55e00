import { randomBytes } from "node:crypto"
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { inHome, stateFolder } from "../state.ts"
import { type Life, lifeOf, lives } from "./process.ts"

export interface LockOptions {
  /** Told once when somebody else holds it. */
  say: (line: string) => void
  /** Ends the waiting. */
  signal?: AbortSignal
}

/** Does `work` while no other process of this machine does anything under the same name. What a killed one left is taken over. */
export async function locked<T>(name: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await stateFolder()
  const lock = new Lock(inHome("locks", name))
  await lock.take(name, options)
  const beating = setInterval(() => void lock.beat(), 10_000).unref()
  try {
    return await work()
  } finally {
    clearInterval(beating)
    await lock.release()
  }
}

interface Holder extends Life {
  /** Unlike any other holder, ever. */
  id: string
  host: string
}

/**
 * A file that names its holder, since Node has no flock. Taking over from a dead holder must be done by one only, though
 * files know no compare-and-swap: the heir first makes `NAME.after-ID`, which exists once per dead holder, looks again
 * whether the dead one still holds the lock, and then renames its file over the lock. Whoever makes the same file later
 * sees another holder in the lock. An heir that dies in between is inherited from in the same way.
 */
class Lock {
  private readonly me: Holder = { ...lifeOf(process.pid)!, id: randomBytes(8).toString("hex"), host: hostname() }

  constructor(private readonly path: string) {}

  async take(name: string, { say, signal }: LockOptions): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true })
    const mine = `${this.path}.by-${this.me.id}`
    await writeFile(mine, JSON.stringify(this.me))
    try {
      for (let told = false; !(await this.tryTake(mine)); await sleep(told ? 100 : 0, undefined, { signal })) {
        if (told) continue
        const holder = await read(this.path)
        if (holder) say(`waiting: another fairlead (process ${holder.pid}) is busy with the same (${name})`)
        told = true
      }
    } finally {
      await rm(mine, { force: true })
    }
  }

  /** Shows those who cannot see this process that it lives. */
  async beat(): Promise<void> {
    const now = new Date()
    await utimes(this.path, now, now).catch(() => {})
  }

  async release(): Promise<void> {
    const holder = await read(this.path)
    if (holder?.id === this.me.id) await rm(this.path, { force: true })
  }

  private async tryTake(mine: string): Promise<boolean> {
    if (await linked(mine, this.path)) return true
    const dead = await this.lastDead()
    if (!dead) return false
    const inheritance = this.after(dead)
    if (!(await linked(mine, inheritance))) return false
    if ((await this.lastDead())?.id !== this.me.id) {
      await rm(inheritance, { force: true })
      return false
    }
    await rename(inheritance, this.path)
    await this.sweep()
    return true
  }

  /** The holder at the end of the line of heirs, if it and all before it are dead; oneself counts as the end. */
  private async lastDead(): Promise<Holder | undefined> {
    let path = this.path
    for (let last: Holder | undefined; ; ) {
      const holder = await read(path)
      if (!holder) return last
      if (holder.id === this.me.id) return holder
      if (!(await isDead(holder, path))) return undefined
      last = holder
      path = this.after(holder)
    }
  }

  private after = (holder: Holder): string => `${this.path}.after-${holder.id}`

  /** Files of heirs that died on the way: nobody can come to hold the lock through them any more. */
  private async sweep(): Promise<void> {
    const prefix = `${this.path}.after-`
    for (const file of await readdir(dirname(this.path))) {
      const path = join(dirname(this.path), file)
      if (!path.startsWith(prefix)) continue
      const heir = await read(path)
      if (heir && (await isDead(heir, path))) await rm(path, { force: true })
    }
  }
}

/** One who cannot be seen from here counts as dead when its heart has not beaten for a minute. */
async function isDead(holder: Holder, path: string): Promise<boolean> {
  const alive = lives(holder)
  if (alive !== "unknown") return !alive
  const beaten = await stat(path).catch(() => undefined)
  return beaten !== undefined && Date.now() - beaten.mtimeMs > 60_000
}

/** Makes `to` the same file as `from`, unless there is one: the one atomic "create with this content" of a file system. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
}

/** A file cut short by a power failure names nobody: its holder is as dead as can be. */
async function read(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Holder
  } catch {
    return { pid: 0, started: "", space: "", id: "unreadable", host: "" }
  }
}
