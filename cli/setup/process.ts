import { execFileSync } from "node:child_process"
import { readFileSync, readlinkSync } from "node:fs"

/**
 * One process, told apart from a later one that was given the same number. Two that see different process numbers (a
 * container that shares the state folder) cannot judge each other, so the space of numbers is named too.
 */
export interface Life {
  pid: number
  /** When it started, as its system counts. */
  started: string
  /** The boot and the namespace that its number belongs to. */
  space: string
}

/** A running process; undefined where there is none with that number. */
export function lifeOf(pid: number): Life | undefined {
  const started = startOf(pid)
  return started === undefined ? undefined : { pid, started, space: space() }
}

/** Whether it still runs; "unknown" where its numbers are not ours to read. */
export function lives(life: Life): boolean | "unknown" {
  const [boot] = life.space.split(" ")
  const [ourBoot] = space().split(" ")
  if (boot !== ourBoot) return false
  if (life.space !== space()) return "unknown"
  return startOf(life.pid) === life.started
}

function startOf(pid: number): string | undefined {
  if (process.platform !== "linux") return startByPs(pid)
  const text = read(`/proc/${pid}/stat`)
  // The second field is the command's name in brackets and may hold anything: fields are counted behind it.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ")
  const state = fields?.[0]
  return state === undefined || state === "Z" || state === "X" ? undefined : fields?.[19]
}

function startByPs(pid: number): string | undefined {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined
  } catch {
    return undefined
  }
}

let known: string | undefined
function space(): string {
  known ??= `${read("/proc/sys/kernel/random/boot_id")?.trim() ?? "boot"} ${namespace()}`
  return known
}

function namespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid")
  } catch {
    return "one"
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
