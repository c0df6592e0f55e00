import { z } from "zod"
import { humanBytes } from "../fleet/bytes.ts"
import { shortImage } from "../rollout/host/names.ts"
import { pc } from "./colours.ts"
import { line } from "./text.ts"

const kind = z.enum(["container", "image", "definition", "file", "run", "snapshot", "good"])

/** What `prune --json` prints. */
export const pruneSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  yard: z.string(),
  dryRun: z.boolean().describe("Nothing was removed: this is what would be."),
  keep: z.number().describe("policy.rollout.keepReleases."),
  hosts: z.array(
    z.object({
      host: z.string(),
      problem: z.string().optional().describe("Why nothing was removed there."),
      asked: z.boolean().describe("It answered; where it did not, the registry is left alone."),
      items: z.array(
        z.object({
          kind,
          name: z.string(),
          removed: z.boolean(),
          why: z.string().optional().describe("Why it was kept after all."),
        }),
      ),
    }),
  ),
  registry: z.object({
    address: z.string().optional(),
    left: z.string().optional().describe("Why the registry's releases were left alone."),
    disk: z
      .object({
        freed: z.number().optional().describe("Bytes that the embedded registry's disk has back."),
        left: z.string().optional().describe("Why it has none back yet."),
      })
      .optional()
      .describe("Told of the embedded registry, once something was removed from it."),
    manifests: z.array(
      z.object({
        image: z.string(),
        digest: z.string(),
        tags: z.array(z.string()),
        removed: z.boolean(),
        why: z.string().optional(),
      }),
    ),
  }),
})

/** The document; `z.infer` of its schema. */
export type PruneDocument = z.infer<typeof pruneSchema>

/** 3 where a host could not be asked or something refused to go, 1 where a host has an unfinished run, else 0. */
export function exitCodeOfPrune({ hosts, registry, dryRun }: PruneDocument): 0 | 1 | 3 {
  const refused = !dryRun && registry.manifests.some(({ removed }) => !removed)
  if (refused || hosts.some(({ asked }) => !asked)) return 3
  return hosts.some(({ problem }) => problem !== undefined) ? 1 : 0
}

/** The same for people. */
export function pruneText(document: PruneDocument, { verbose = false }: { verbose?: boolean } = {}): string {
  const { yard, hosts, registry, dryRun, keep } = document
  return [
    line("yard", `${yard}, ${keep} releases are kept`),
    ...hosts.flatMap((each) => hostLines(each, document, verbose)),
    ...registryLines(document, verbose),
    line(dryRun ? "next" : "prune", dryRun ? nextWords(document) : ending(hosts, registry)),
  ].join("\n")
}

function hostLines(
  { host, problem, items }: PruneDocument["hosts"][number],
  { dryRun }: PruneDocument,
  verbose: boolean,
) {
  if (problem) return [line(host, `${pc.red("nothing removed")}: ${problem}`)]
  const gone = items.filter(({ removed }) => removed || dryRun)
  const kept = items.filter(({ removed }) => !removed && !dryRun)
  const images = gone.filter(({ kind }) => kind === "image").map(({ name }) => name)
  return [
    line(host, `${dryRun ? "would go" : "removed"}: ${counted(gone)}`),
    ...some(images.map(shortImage), verbose),
    ...kept.map(({ kind, name, why }) =>
      line("", `kept ${kind} ${kind === "image" ? shortImage(name) : name}: ${why ?? "the host says nothing why"}`),
    ),
  ]
}

function registryLines(
  { registry: { address, left, manifests, disk }, dryRun }: PruneDocument,
  verbose: boolean,
): string[] {
  const alone = left === undefined ? [] : [line("registry", `releases are left alone: ${left}`)]
  if (left !== undefined && manifests.length === 0) return alone
  const gone = manifests.filter(({ removed }) => removed || dryRun)
  const kept = manifests.filter(({ removed }) => !removed && !dryRun)
  const told = gone.map(({ image, digest, tags }) => `${image}@${digest.slice(7, 19)} (${tags.join(", ")})`)
  const why = [...new Set(kept.flatMap(({ why }) => why ?? []))].join("; ")
  return [
    ...alone,
    line("registry", `${address}: ${gone.length} manifests ${dryRun ? "would go" : "removed"}`),
    ...some(told, verbose),
    ...(disk ? [line("", diskWords(disk))] : []),
    ...(kept.length > 0 ? [line("", `${pc.red(`${kept.length} manifests stay`)}: ${why}`)] : []),
  ]
}

const diskWords = ({ freed, left }: NonNullable<PruneDocument["registry"]["disk"]>): string =>
  left === undefined ? `${humanBytes(freed ?? 0)} of disk are free again` : `their disk is not free yet: ${left}`

const some = (all: readonly string[], verbose: boolean, most = 5): string[] => {
  const told = verbose ? all : all.slice(0, most)
  return [
    ...told.map((each) => line("", `  ${each}`)),
    ...(all.length > told.length ? [line("", `  and ${all.length - told.length} more (-v shows all)`)] : []),
  ]
}

const plural = {
  container: "containers",
  image: "images",
  definition: "definitions",
  file: "files",
  run: "runs",
  snapshot: "snapshots",
  good: "marks",
}

function counted(items: readonly { kind: keyof typeof plural }[]): string {
  const kinds = [...new Set(items.map(({ kind }) => kind))]
  return (
    kinds.map((kind) => `${items.filter((each) => each.kind === kind).length} ${plural[kind]}`).join(", ") || "nothing"
  )
}

const nextWords = ({ hosts, registry }: PruneDocument): string =>
  hosts.some(({ items }) => items.length > 0) || registry.manifests.length > 0
    ? "fairlead prune, without --dry-run, removes it"
    : "nothing to remove"

function ending(hosts: PruneDocument["hosts"], { manifests }: PruneDocument["registry"]): string {
  const removed = [...hosts.flatMap(({ items }) => items), ...manifests].filter((each) => each.removed).length
  return removed === 0
    ? "nothing to remove"
    : `${removed} things removed; what runs, is pinned or is gone back to stays`
}
