import { execa } from "execa"
import { lastLines } from "../dagger/lib/engine/engine.ts"
import { Problem } from "../dagger/lib/problem.ts"
import type { Arena, Traffic } from "./arena.ts"
import { watchMemory } from "./memory.ts"

/** One way to get the fleet's images into a registry. */
export interface Competitor {
  name: string
  arena: Arena
  /** Brings up what stands ready between runs. */
  standBy(): Promise<void>
  /** What its fleet's checkout holds, built and pushed under this tag. */
  ship(tag: string): Promise<Extra>
}

/** What a competitor knows of its own run. */
export interface Extra {
  /** Seconds in which at least one gate ran. */
  gates?: number
  /** Images that were built, where it tells. */
  built?: number
}

export interface Measured extends Traffic, Extra {
  seconds: number
  /** The most that its processes on this machine held together, in bytes; containers are not among them. */
  memory: number
}

/** Runs something in an arena and says what it took. */
export async function measured(arena: Arena, work: () => Promise<Extra>): Promise<Measured> {
  const before = await arena.traffic()
  const watch = watchMemory()
  const started = performance.now()
  const extra = await work().finally(async () => {
    await watch.stop()
  })
  const seconds = (performance.now() - started) / 1000
  const memory = await watch.stop()
  const after = await arena.traffic()
  return {
    ...extra,
    ...{ seconds, memory },
    requests: after.requests - before.requests,
    received: after.received - before.received,
    sent: after.sent - before.sent,
  }
}

/** Runs a command of a competitor to its end; `onLine` hears each line of stderr when it comes. */
export async function runs(
  argv: readonly string[],
  options: { cwd: string; env: Record<string, string>; onLine?: (line: string) => void },
): Promise<string> {
  const [file, ...rest] = argv as [string, ...string[]]
  const env = { FORCE_COLOR: undefined, ...options.env }
  const child = execa(file, rest, {
    cwd: options.cwd,
    env,
    reject: false,
    stdin: "ignore",
    maxBuffer: 256 * 1024 * 1024,
  })
  if (options.onLine) for await (const line of child.iterable({ from: "stderr" })) options.onLine(String(line))
  const { exitCode, stdout, stderr } = await child
  if (exitCode === 0) return stdout
  const what = `${[file.split("/").at(-1), ...rest.slice(0, 3)].join(" ")} … exited ${exitCode}`
  throw new Problem(what, { why: `last lines:\n${lastLines(stderr.trim() || stdout, 25)}` })
}
