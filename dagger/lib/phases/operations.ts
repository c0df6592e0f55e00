import { z } from "zod"
import { digestSchema } from "../fleet/names.ts"
import type { Operations } from "./evidence.ts"

const at = z.string().max(40).describe("UTC.")
const run = z.string().max(40)
const host = z.string().max(100)

const rolledOut = z.object({
  service: z.string().max(100),
  host,
  /** The image's name, the last part of its repository. */
  image: z.string().max(200),
  digest: digestSchema,
  tag: z.string().max(200).optional(),
  run: run.optional(),
  /** What runs is a stand-in, not the service's own code. */
  standIn: z.boolean(),
  at,
})

export const operationsSchema = z.object({
  schema: z.literal(1),
  fleet: z.string(),
  /** "fleet.yaml", or the name of a demo yard. */
  yard: z.string(),
  shippedInCi: z.array(z.object({ run: z.string().max(300) })).default([]),
  /** Healthy on their hosts after a run was committed: the last of each. */
  rolledOut: z.array(rolledOut).default([]),
  /** What services told the receiver about the image that they run. */
  reported: z.array(rolledOut).default([]),
  rolledBack: z.array(z.object({ host, run, at })).default([]),
  pinned: z.array(z.object({ host, tag: z.string().max(200), run, at })).default([]),
  /** How far each host's history was read: one that is shorter later, or differs there, was written anew. */
  heads: z
    .record(host, z.object({ lines: z.int().nonnegative(), hash: z.string().regex(/^[0-9a-f]{64}$/) }))
    .default({}),
})

/** What the deployer learnt of one yard, kept on its own machine. */
export type RecordedOperations = z.infer<typeof operationsSchema>

/** A service that was seen healthy after its run was committed. */
export type RolledOut = z.infer<typeof rolledOut>

/** What a verb has to add. */
export type News = Partial<Omit<RecordedOperations, "schema" | "fleet" | "yard">>

export const nothingLearnt = (fleet: string, yard: string): RecordedOperations =>
  operationsSchema.parse({ schema: 1, fleet, yard })

/** The newest of each service on each host counts; of what was shown once, the last time. */
export function learnt(known: RecordedOperations, news: News): RecordedOperations {
  const instance = (each: { host: string; service: string }) => `${each.host} ${each.service}`
  return {
    ...known,
    shippedInCi: last([...known.shippedInCi, ...(news.shippedInCi ?? [])], ({ run }) => run),
    rolledOut: newest([...known.rolledOut, ...(news.rolledOut ?? [])], instance),
    reported: newest([...known.reported, ...(news.reported ?? [])], instance),
    rolledBack: newest([...known.rolledBack, ...(news.rolledBack ?? [])], ({ host }) => host),
    pinned: newest([...known.pinned, ...(news.pinned ?? [])], ({ host }) => host),
    heads: { ...known.heads, ...news.heads },
  }
}

/** What phases ask for. Stand-ins prove nothing of a real yard: what they stand in for was never there. */
export const evidenceOf = (known: RecordedOperations): Operations => ({
  ...known,
  rolledOut: known.rolledOut.filter(counts(known)),
  reported: known.reported.filter(counts(known)),
})

const counts =
  ({ yard }: RecordedOperations) =>
  ({ standIn }: RolledOut): boolean =>
    !standIn || yard !== "fleet.yaml"

function last<T>(all: readonly T[], key: (each: T) => string): T[] {
  return [...new Map(all.map((each) => [key(each), each])).values()]
}

/** Of the same age, the one that was learnt later. */
const newest = <T extends { at: string }>(all: readonly T[], key: (each: T) => string): T[] =>
  last(
    all.map((each, index) => ({ each, index })).sort((a, b) => compare(a.each.at, b.each.at) || a.index - b.index),
    ({ each }) => key(each),
  ).map(({ each }) => each)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
