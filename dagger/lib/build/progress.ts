import { harmless } from "../engine/engine.ts"

/** What bake's JSON progress says of one target. */
export interface TargetProgress {
  /** Steps that ran, and steps that came from the cache. */
  ran: number
  cached: number
  /** Seconds in which at least one of the target's steps ran. */
  seconds: number
}

export interface BakeProgress {
  targets: Record<string, TargetProgress>
  /** What failed, with the last lines it printed; for people. */
  failure?: string
}

interface Vertex {
  digest?: string
  name?: string
  started?: string
  completed?: string
  cached?: boolean
  error?: string
}

/**
 * Reads `bake --progress rawjson`. What is not JSON are bake's own last words. A step that several targets share is told
 * under each of their names in turn; it counts for the first of `order`, which made it. Of a file with one target bake
 * leaves the name out: `only` says that.
 */
export function readProgress(
  output: string,
  { order, only = false }: { order: readonly string[]; only?: boolean },
): BakeProgress {
  const names = new Map<string, Set<string>>()
  const vertices = new Map<string, Vertex>()
  const logs = new Map<string, string>()
  const words: string[] = []
  const read = progressReader()
  for (const line of output.split("\n")) {
    const { event, word } = read(line)
    if (word?.trim()) words.push(word)
    for (const vertex of event?.vertexes ?? []) {
      const digest = vertex.digest ?? ""
      vertices.set(digest, { ...vertices.get(digest), ...vertex })
      const target = only ? soleTarget(vertex.name ?? "", order) : targetOf(vertex.name ?? "")
      if (target) names.set(digest, (names.get(digest) ?? new Set()).add(target))
    }
    for (const { vertex, data } of event?.logs ?? []) {
      logs.set(vertex, ((logs.get(vertex) ?? "") + textOf(data)).slice(-20_000))
    }
  }
  return {
    targets: byTarget(vertices, (digest) => order.find((each) => names.get(digest)?.has(each))),
    failure: failureOf([...vertices.values()], logs, words),
  }
}

/** The same of a solve that was not needed any more: nothing of it ran now. */
export const allCached = ({ targets, ...progress }: BakeProgress): BakeProgress => ({
  ...progress,
  targets: Object.fromEntries(
    Object.entries(targets).map(([name, { ran, cached }]) => [name, { ran: 0, cached: ran + cached, seconds: 0 }]),
  ),
})

/** The same stream as lines for people, as it comes: what started, what it prints, what ended. */
export function progressLines(): (line: string) => string[] {
  const read = progressReader()
  return (line) => {
    const { event, word } = read(line)
    if (word !== undefined) return [word]
    const steps = (event?.vertexes ?? []).filter(({ name, started }) => name && started).map(stepLine)
    const logs = (event?.logs ?? []).flatMap(({ data }) => textOf(data).trimEnd().split("\n"))
    return [...steps, ...logs.map((text) => `  ${text}`)]
  }
}

const stepLine = ({ name, completed, cached, error }: Vertex): string =>
  `${name} ${error ? `failed: ${error}` : cached ? "CACHED" : completed ? "done" : "…"}`

interface Event {
  vertexes?: Vertex[]
  logs?: { vertex: string; data: string }[]
}

/** buildx 0.13 spreads each document over many lines, newer ones write one a line: both are read. */
function progressReader(): (line: string) => { event?: Event; word?: string } {
  let open: string[] = []
  return (line) => {
    if (open.length === 0 && !line.startsWith("{")) return { word: line }
    open.push(line)
    if (!line.endsWith("}") || (open.length > 1 && line !== "}")) return {}
    const text = open.join("\n")
    open = []
    try {
      return { event: JSON.parse(text) as Event }
    } catch {
      return { word: text }
    }
  }
}

const textOf = (data: string): string => Buffer.from(data, "base64").toString("utf8")

/** "[family-web runtime 2/3] RUN …": bake puts the target first when there are several. */
const targetOf = (name: string): string | undefined => /^\[([a-z0-9-]+) [^\]]*\d+\/\d+\]/.exec(name)?.[1]

const soleTarget = (name: string, [target]: readonly string[]): string | undefined =>
  /^\[[^\]]*\d+\/\d+\]/.test(name) ? target : undefined

function byTarget(
  vertices: ReadonlyMap<string, Vertex>,
  madeBy: (digest: string) => string | undefined,
): Record<string, TargetProgress> {
  const spans: Record<string, [number, number][]> = {}
  const targets: Record<string, TargetProgress> = {}
  for (const [digest, { started, completed, cached }] of vertices) {
    const target = madeBy(digest)
    if (!target || !completed) continue
    targets[target] ??= { ran: 0, cached: 0, seconds: 0 }
    targets[target][cached ? "cached" : "ran"] += 1
    spans[target] ??= []
    if (started && !cached) spans[target].push([Date.parse(started), Date.parse(completed)])
  }
  for (const [target, list] of Object.entries(spans)) targets[target]!.seconds = covered(list) / 1000
  return targets
}

/** Milliseconds that at least one span covers. */
function covered(spans: [number, number][]): number {
  let until = Number.NEGATIVE_INFINITY
  let sum = 0
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, until))
    until = Math.max(until, to)
  }
  return sum
}

/** A cache that is not there yet, or not to be had, stops no build: what failed is something else. */
const cacheImport = /(?:^|\] )importing cache manifest from /

function failureOf(
  vertices: readonly Vertex[],
  logs: ReadonlyMap<string, string>,
  words: readonly string[],
): string | undefined {
  const failed = vertices.find(
    ({ name = "", error }) => error && !/context canceled/i.test(error) && !cacheImport.test(name),
  )
  if (!failed && words.length === 0) return undefined
  const log = failed ? (logs.get(failed.digest ?? "") ?? "") : ""
  return harmless([failed?.name, log.trimEnd(), failed?.error, ...(failed ? [] : words)].filter(Boolean).join("\n"))
}
