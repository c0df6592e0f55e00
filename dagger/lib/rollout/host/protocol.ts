import { z } from "zod"
import { Problem } from "../../problem.ts"
import { type Answer, fields, readAnswer, shaped, unescaped, unreadable } from "./answer.ts"
import { type JournalEvent, type JournalLine, journalEvents } from "./journal.ts"
import type { HostContainer, HostLock, HostLook, Snapshot, SnapshotSummary } from "./look.ts"

const hex = (digits: number) => new RegExp(`^[0-9a-f]{${digits}}$`)
export const patterns = {
  run: hex(6),
  hash: hex(12),
  svc: /^[a-z][a-z0-9_]{0,62}$/,
  seq: /^\d{6}$/,
  definition: /^[a-z][a-z0-9_]{0,62}\.[0-9a-f]{12}$/,
  mark: /^[a-z][a-z0-9_]{0,62}\.[0-9a-f]{6}$/,
  word: /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$/,
  image: /^[a-z0-9][A-Za-z0-9._:/-]{0,300}@sha256:[0-9a-f]{64}$/,
}
const count = /^\d{1,15}$/
const bit = /^[01]$/
const escaped = /^[A-Za-z0-9%+._~*()!'-]{0,2000}$/
const name = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/

const one = (pattern: RegExp) => z.tuple([z.string().max(4100).regex(pattern)])
const many = (pattern: RegExp, most = 5000) => z.array(z.string().max(1000).regex(pattern)).max(most).default([])
const rows = (most: number, ...each: RegExp[]) =>
  z
    .array(fields(...each))
    .max(most)
    .default([])

const lockFields = [count, patterns.run, patterns.word, patterns.word, count, bit, bit, count]

const lookSchema = z.strictObject({
  version: z.tuple([z.literal("1")]),
  boot: one(/^[0-9a-f-]{1,40}$|^none$/),
  uptime: one(count),
  state: z.tuple([z.enum(["absent", "present"])]),
  docker: one(/^\d+\.\d+/).optional(),
  "docker-error": z.tuple([z.string().max(400)]).optional(),
  free: one(count).optional(),
  container: rows(
    3000,
    ...[name, /^[a-z]{1,20}$/, /^(?:-|[a-z]{1,20})$/, escaped, escaped, escaped, escaped],
    ...[/^-?\d{1,10}$/, count, /^[0-9T:.Z+-]{1,40}$/, /^(?:true|false)$/, escaped],
  ),
  // Docker joins several names of one container by commas.
  other: z.array(z.string().max(1000)).max(3000).default([]),
  image: z.array(z.string().max(500)).max(5000).default([]),
  lock: z.tuple([fields(...lockFields)]).optional(),
  open: many(patterns.run),
  run: many(patterns.run),
  definition: many(patterns.definition),
  good: many(patterns.mark),
  timing: rows(1000, patterns.svc, /^\d{1,6}(?:\.\d{1,3})?$/),
  pin: z.tuple([z.string().max(4096)]).optional(),
  snapshot: rows(300, patterns.seq, patterns.run, /^$|^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$/, count),
  snap: rows(5000, patterns.seq, patterns.svc, patterns.hash, /^[A-Za-z0-9._:/@-]{1,500}$/, escaped),
})

const pinSchema = z.strictObject({
  tag: z.string().regex(patterns.word),
  reason: z.string().max(1000),
  by: z.string().max(200),
  at: z.string().max(40),
  until: z.string().max(40).optional(),
})

/** Reads `look`. Remote text is bounded and harmless; what is odd is refused. */
export function readLook(host: string, stdout: string): HostLook {
  const seen = shaped(host, "look", readAnswer(host, "look", stdout), lookSchema)
  if (!seen.docker)
    throw new Problem("Docker does not answer", {
      where: host,
      why: seen["docker-error"]?.[0] || "docker info said nothing",
      fix: `fairlead preflight --host ${host}`,
    })
  return {
    host,
    docker: seen.docker[0],
    freeBytes: Number(seen.free?.[0] ?? 0),
    containers: seen.container.map(containerOf),
    others: seen.other.flatMap((names) => names.split(",")),
    images: seen.image.filter((image) => patterns.image.test(image)),
    ...(seen.lock && { lock: lockOf(seen.lock[0]) }),
    open: seen.open,
    runs: seen.run,
    definitions: seen.definition,
    good: seen.good,
    timings: Object.fromEntries(seen.timing.map(([svc = "", seconds]) => [svc, Number(seconds)])),
    snapshots: seen.snapshot.map(
      ([seq, run = "", tag = "", services]): SnapshotSummary => ({
        ...{ seq: Number(seq), run, tag, services: Number(services) },
      }),
    ),
    kept: keptOf(seen.snap),
    ...(seen.pin && { pin: pinOf(host, seen.pin[0]) }),
  }
}

function containerOf(row: string[]): HostContainer {
  const [name = "", state = "", health = "-", service = "", run = "", definition = "", tag = "", ...rest] = row
  const [exitCode, restarts, startedAt = "", outOfMemory, image = ""] = rest
  return {
    name,
    state,
    ...(health !== "-" && { health }),
    service: unescaped(service),
    ...(run && { run: unescaped(run) }),
    ...(definition && { definition: unescaped(definition) }),
    ...(tag && { tag: unescaped(tag) }),
    exitCode: Number(exitCode),
    restarts: Number(restarts),
    startedAt,
    outOfMemory: outOfMemory === "true",
    image: unescaped(image),
  }
}

export function lockOf(row: string[]): HostLock {
  const [token, run = "", owner = "", verb = "", age, stale, working, held] = row
  return {
    ...{ token: Number(token), run, owner, verb, ageSeconds: Number(age), heldSeconds: Number(held) },
    ...{ stale: stale === "1", working: working === "1" },
  }
}

/** Who has the lock, as answered where it was asked for in vain. */
export function holderOf(host: string, command: string, answer: Answer): HostLock | undefined {
  const { holder } = shaped(host, command, answer, z.object({ holder: z.tuple([fields(...lockFields)]).optional() }))
  return holder && lockOf(holder[0])
}

function keptOf(rows: string[][]): Snapshot[] {
  const bySeq = new Map<number, Snapshot>()
  for (const [seq, svc = "", definition = "", image = "", tag = ""] of rows) {
    const snapshot = bySeq.get(Number(seq)) ?? { seq: Number(seq), services: [] }
    snapshot.services.push({ svc, definition, image, tag: unescaped(tag) })
    bySeq.set(snapshot.seq, snapshot)
  }
  return [...bySeq.values()].sort((one, other) => other.seq - one.seq)
}

function pinOf(host: string, text: string) {
  const parsed = pinSchema.safeParse(json(host, "look", text))
  if (!parsed.success) throw unreadable(host, "look", `its pin: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** JSON that a host kept. */
export function json(host: string, command: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable(host, command, `no JSON: ${JSON.stringify(text.slice(0, 200))}`)
  }
}

/** One snapshot with all that it holds; undefined where there is none. */
export function readSnapshot(host: string, answer: Answer): Snapshot | undefined {
  const schema = z.strictObject({ snap: lookSchema.shape.snap, found: z.array(z.literal("1")).default([]) })
  return keptOf(shaped(host, "snapshot", answer, schema).snap)[0]
}

const line =
  /^(?<number>\d{1,7}) (?<at>[0-9T:-]{1,30}Z) (?<token>\d{1,9}) (?<event>[a-z-]{1,20}) (?<subject>[^ ]{1,400}) (?<detail>.{0,400})$/

/** A journal line as `wait` tells it: "<number> <time> <token> <event> <subject> <detail>". */
export function readJournalLine(host: string, text: string): JournalLine {
  const { number, at = "", token, event = "", subject = "", detail = "" } = line.exec(text)?.groups ?? {}
  if (number === undefined || !(journalEvents as readonly string[]).includes(event))
    throw unreadable(host, "wait", `a line of its journal: ${JSON.stringify(text.slice(0, 200))}`)
  return {
    ...{ number: Number(number), at, token: Number(token), event: event as JournalEvent, subject },
    detail: detail === "-" ? "" : detail,
  }
}
