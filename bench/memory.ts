import { readdir, readFile } from "node:fs/promises"

/** Watches this process's descendants while something runs; the most that they held together, in bytes. Linux only. */
export function watchMemory(everyMilliseconds = 100): { stop(): Promise<number> } {
  let peak = 0
  let looking = Promise.resolve()
  const timer = setInterval(() => {
    looking = looking.then(async () => {
      peak = Math.max(peak, await heldByDescendants(process.pid))
    })
  }, everyMilliseconds)
  return {
    stop: async () => {
      clearInterval(timer)
      await looking
      return peak
    },
  }
}

async function heldByDescendants(root: number): Promise<number> {
  const found = await Promise.all((await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(processOf))
  const all = found.filter((each) => each !== undefined)
  const family = new Set([root])
  // A child has a higher number than its parent but for the wrap-around, so look again until none is new.
  for (let before = 0; before < family.size; ) {
    before = family.size
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid)
  }
  return all.filter(({ pid }) => pid !== root && family.has(pid)).reduce((sum, { bytes }) => sum + bytes, 0)
}

async function processOf(pid: string): Promise<{ pid: number; parent: number; bytes: number } | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  const parent = Number(/^PPid:\s+(\d+)/m.exec(text)?.[1])
  // A kernel thread holds none.
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0)
  return { pid: Number(pid), parent, bytes: kilobytes * 1024 }
}
