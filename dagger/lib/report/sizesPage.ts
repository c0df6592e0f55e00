import { humanBytes } from "../fleet/bytes.ts"
import { layersOf } from "./sizes.ts"
import type { FamilyState, FleetState } from "./state.ts"

/** How big each family is, as its newest record says: a table of all, and the layers that each adds. For docs/sizes.md. */
export function sizesPage({ families }: FleetState): string {
  const built = families.filter(({ release }) => release !== undefined)
  const parents = new Map(built.map((each) => [each.family, each]))
  const rows = built.map(({ family, release, budget }) => [
    family,
    ...[release!.size.compressed, budget.compressed, release!.size.uncompressed, budget.uncompressed].map(megabytes),
    (release!.at ?? "").slice(0, 10),
  ])
  return [
    markdownTable(["image", "compressed", "budget", "on disk", "budget", "measured"], rows),
    ...built.map((each) => layersTable(each, each.parent === undefined ? undefined : parents.get(each.parent))),
  ].join("\n\n")
}

function layersTable({ family, release }: FamilyState, parent: FamilyState | undefined): string {
  const inherited = new Set(layersOf(parent?.release).map(({ digest }) => digest))
  const own = layersOf(release).filter(({ digest, uncompressed }) => !inherited.has(digest) && uncompressed >= 100_000)
  const rows = own.map(({ madeBy, compressed, uncompressed }) => [
    `\`${shortened(madeBy)}\``,
    megabytes(compressed),
    megabytes(uncompressed),
  ])
  return `**${family}**${parent ? `, on ${parent.family}` : ""}\n\n${markdownTable(["layer", "compressed", "on disk"], rows)}`
}

const megabytes = (bytes: number): string => (bytes < 10e6 ? humanBytes(bytes) : `${(bytes / 1e6).toFixed(1)} MB`)

// What was mounted where says nothing about a size.
const shortened = (command: string): string => {
  const text = command.replaceAll("/mnt/", "").replaceAll("`", "'").replaceAll("|", "/")
  return text.length > 110 ? `${text.slice(0, 109).trimEnd()}…` : text
}

/** A table as Markdown has it. */
export const markdownTable = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
