import pLimit from "p-limit"
import { Problem, Problems } from "../../dagger/lib/problem.ts"
import { duration, line } from "../../dagger/lib/report/text.ts"
import { stateFolder } from "../state.ts"
import { locked } from "./lock.ts"
import { type Found, inOrder, type Looked, lookAt, type Part } from "./part.ts"

export interface ReadyOptions {
  /** Names of the parts; what they stand on comes along. All where not given. */
  wanted?: readonly string[]
  say: (line: string) => void
  signal?: AbortSignal
}

export interface Readied {
  seconds: number
  parts: ReadiedPart[]
}

export interface ReadiedPart {
  name: string
  /** How the summary names it; empty for parts that need no mention. */
  short: string
  detail: string
  /** What was done to it, where something was. */
  verb: string
  changed: boolean
  seconds: number
}

/**
 * Readies parts in the order in which they stand on each other, two at a time. Where all is there nothing is changed, and
 * nobody waits for anybody. One process at a time changes things.
 */
export async function ready(all: readonly Part[], options: ReadyOptions): Promise<Readied> {
  const started = performance.now()
  await stateFolder()
  const parts = inOrder(all, options.wanted)
  const looked = await lookAt(parts)
  const summary = (readied: ReadiedPart[]) => ({ seconds: secondsSince(started), parts: readied })
  if (looked.every(({ found }) => found.state === "ready")) return summary(looked.map(unchanged))
  options.signal?.throwIfAborted()
  return summary(await locked("setup", options, () => readyAll(parts, options)))
}

const unchanged = ({ part, found }: Looked): ReadiedPart => ({
  name: part.name,
  short: found.short ?? part.name,
  detail: found.detail,
  verb: part.verb ?? "readied",
  changed: false,
  seconds: 0,
})

async function readyAll(parts: readonly Part[], { say, signal }: ReadyOptions): Promise<ReadiedPart[]> {
  const limit = pLimit(2)
  const under = new Map<string, Promise<ReadiedPart>>()
  for (const part of parts) {
    const below = part.after.flatMap((name) => under.get(name) ?? [])
    under.set(
      part.name,
      // What a part stands on failed and is told by itself: the part has nothing to add.
      Promise.all(below).then(
        () => limit(() => readyOne(part, (text) => say(line("setup", text)), signal)),
        () => Promise.reject(new StandsOnFailure()),
      ),
    )
  }
  const ended = await Promise.allSettled(under.values())
  signal?.throwIfAborted()
  const failures = ended.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []))
  const own = failures.filter((each) => !(each instanceof StandsOnFailure))
  const defect = own.find((each) => !(each instanceof Problem))
  if (defect) throw defect
  if (own.length === 1) throw own[0]
  if (own.length > 1) throw new Problems(own as Problem[], 3)
  return ended.map((each) => (each as PromiseFulfilledResult<ReadiedPart>).value)
}

class StandsOnFailure extends Error {}

async function readyOne(part: Part, say: (text: string) => void, signal?: AbortSignal): Promise<ReadiedPart> {
  signal?.throwIfAborted()
  const started = performance.now()
  // Looked at again under the lock: another process may have readied it meanwhile.
  const before = await part.look()
  if (before.state === "ready") return unchanged({ part, found: before })
  await part.ready(say)
  signal?.throwIfAborted()
  const found = await part.look()
  if (found.state !== "ready") throw notReady(part, found)
  return { ...unchanged({ part, found }), changed: true, seconds: secondsSince(started) }
}

const notReady = (part: Part, { detail, fix }: Found): Problem =>
  new Problem(`${part.name} was readied, and still is not ready`, { why: detail, fix })

const secondsSince = (started: number): number => (performance.now() - started) / 1000

/** "engine, registry 127.0.0.1:5000, bases, toolbox (built in 7 m 12 s, kept)". */
export function readyLine({ parts }: Readied): string {
  const shorts = new Map<string, ReadiedPart[]>()
  for (const part of parts) {
    if (part.short) shorts.set(part.short, [...(shorts.get(part.short) ?? []), part])
  }
  return [...shorts].map(([short, same]) => [short, worth(same)].filter(Boolean).join(" ")).join(", ")
}

/** What took its time and will not take it again; where parts ran beside each other, the longest counts. */
function worth(same: readonly ReadiedPart[]): string {
  const changed = same.filter((part) => part.changed)
  const seconds = changed.reduce((sum, part) => sum + part.seconds, 0)
  return seconds < 5 ? "" : `(${changed[0]!.verb} in ${duration(seconds)}, kept)`
}
