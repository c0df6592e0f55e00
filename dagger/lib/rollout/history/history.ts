import { createHash } from "node:crypto"
import type { History } from "../host/job.ts"
import { entrySchema, type HistoryEntry, type HistoryVerdict } from "./entry.ts"

/** A host's history as it was read: the entries that are some, and the lines that are wrong. */
export interface HostHistory {
  host: string
  entries: HistoryEntry[]
  /** As many as the host handed out. */
  lines: number
  /** The hash of the last line; absent for an empty history. */
  head?: string
  /** What is wrong with it, in sentences: any of them means that somebody wrote in it. */
  wrong: string[]
}

/** How far a history was read earlier. */
export interface KnownHead {
  lines: number
  hash: string
}

/** Reads a host's history. Where the chain breaks is told by the host's runner; what came before that still counts. */
export function readHistory(host: string, { records, brokenAt }: History, known?: KnownHead): HostHistory {
  const read = records.map(({ json }) => entrySchema.safeParse(parsed(json)))
  const odd = read.flatMap(({ success }, index) => (success ? [] : [index + 1]))
  const head = records.at(-1)?.hash
  return {
    host,
    entries: read.flatMap(({ data }) => (data ? [data] : [])),
    lines: records.length,
    ...(head !== undefined && { head }),
    wrong: [
      ...(brokenAt === undefined ? [] : [`line ${brokenAt} was changed, or one before it was removed`]),
      ...odd.map((line) => `line ${line} is no entry`),
      ...(known ? shortened(records, known) : []),
    ],
  }
}

/**
 * A chain cannot tell that its end was cut off, or that all of it was written anew: only who read it before can. A host
 * hands out the newest 900 KB, so that a line which is not there any more may only be too old.
 */
function shortened(records: History["records"], { lines, hash }: KnownHead): string[] {
  if (lines === 0 || records.some((each) => each.hash === hash)) return []
  if (records[0] && !isFirst(records[0])) return []
  return [`the ${lines} lines that were last read here are not in it any more: it was cut off or written anew`]
}

const isFirst = ({ hash, json }: History["records"][number]): boolean =>
  createHash("sha256")
    .update(`${"0".repeat(64)} ${json}`)
    .digest("hex") === hash

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** One run, over all hosts that it was about. */
export interface Run {
  run: string
  verb: HistoryEntry["verb"]
  by: string
  tag: string
  reason?: string
  /** When it began, or ended where nobody wrote down that it began; UTC. */
  at: string
  /** The worst of its hosts; absent where it ended on none. */
  verdict?: HistoryVerdict
  /** On one host at least, nobody wrote down that it ended. */
  unfinished: boolean
  rolledBack: boolean
  hosts: RunOnHost[]
}

export interface RunOnHost {
  host: string
  began?: string
  ended?: string
  verdict?: HistoryVerdict
  changed: HistoryEntry["changed"]
  rolledBack: boolean
  notes: string[]
}

/** The runs of all hosts together, the newest first. */
export function runsOf(histories: readonly Pick<HostHistory, "host" | "entries">[]): Run[] {
  const byRun = new Map<string, { host: string; entry: HistoryEntry }[]>()
  for (const { host, entries } of histories) {
    for (const entry of entries) byRun.set(entry.run, [...(byRun.get(entry.run) ?? []), { host, entry }])
  }
  const runs = [...byRun.values()].map(runOf)
  return runs.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
}

function runOf(found: readonly { host: string; entry: HistoryEntry }[]): Run {
  const hosts = [...new Set(found.map(({ host }) => host))].map((host) =>
    onHost(
      host,
      found.filter((each) => each.host === host).map(({ entry }) => entry),
    ),
  )
  const entries = found.map(({ entry }) => entry)
  const first = entries.find(({ phase }) => phase === "began") ?? entries[0]!
  const reason = entries.find((each) => each.reason !== undefined)?.reason
  const verdicts = hosts.flatMap(({ verdict }) => verdict ?? [])
  const verdict = (["ERROR", "FAIL", "PASS"] as const).find((each) => verdicts.includes(each))
  return {
    ...{ run: first.run, verb: first.verb, by: first.by, tag: first.tag },
    ...(reason !== undefined && { reason }),
    at: entries.map(({ at }) => at).sort()[0]!,
    ...(verdict && { verdict }),
    unfinished: hosts.some(({ ended }) => ended === undefined),
    rolledBack: hosts.some(({ rolledBack }) => rolledBack),
    hosts,
  }
}

/** A run that was begun again after it was cut off has several beginnings: its first counts, and its last end. */
function onHost(host: string, entries: readonly HistoryEntry[]): RunOnHost {
  const began = entries.find(({ phase }) => phase === "began")
  const ended = entries.findLast(({ phase }) => phase === "ended")
  const { verdict, changed, rolledBack, notes } = ended ?? entries.at(-1)!
  return {
    host,
    ...(began && { began: began.at }),
    ...(ended && { ended: ended.at }),
    ...(verdict && { verdict }),
    ...{ changed, rolledBack, notes },
  }
}
