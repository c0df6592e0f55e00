import { z } from "zod"
import type { Release } from "./state.ts"

// What the size gate's facts must have to be divided; whatever else they have is not read here.
const factsSchema = z.object({
  compressed: z.number(),
  uncompressed: z.number(),
  layers: z.array(
    z.object({ digest: z.string(), compressed: z.number(), uncompressed: z.number(), madeBy: z.string() }),
  ),
  packages: z.array(z.object({ name: z.string(), version: z.string(), kind: z.string(), bytes: z.number() })),
  packageCount: z.number().optional(),
})

/** One part of an image. */
export interface Tile {
  name: string
  detail: string
  kind: "python" | "debian" | "rest" | "own" | "inherited"
  bytes: number
}

export interface Sizes {
  /** Bytes as pulled, and on disk: what packages say of themselves may add up to more. */
  compressed: number
  uncompressed: number
  layers: Tile[]
  packages: Tile[]
}

/** What makes an image as big as it is; undefined where its record does not tell. */
export function sizeOf(release: Release | undefined, parent?: Release): Sizes | undefined {
  const read = factsSchema.safeParse(release?.gates.size?.facts)
  if (!read.success) return undefined
  const { layers, packages, uncompressed, packageCount } = read.data
  const inherited = layerDigests(parent)
  const counted = packages.reduce((sum, each) => sum + each.bytes, 0)
  const others = packageCount === undefined ? 0 : packageCount - packages.length
  // Debian counts what a package unpacks to on its own word, so that the sum may be more than the layers are.
  const rest = Math.max(0, uncompressed - counted)
  return {
    compressed: read.data.compressed,
    uncompressed,
    layers: layers.map(({ digest, compressed, madeBy }, index): Tile => {
      const kind = inherited?.has(digest) ? "inherited" : "own"
      return { name: commandOf(madeBy), detail: `layer ${index + 1}`, kind, bytes: compressed }
    }),
    packages: [
      ...packages.map(({ name, version, kind, bytes }): Tile => {
        return { name, detail: version, kind: kind === "python" || kind === "debian" ? kind : "rest", bytes }
      }),
      ...(rest > 0
        ? [
            {
              name: "everything else",
              detail: others > 0 ? `${others} smaller packages, and files of none` : "files of no package",
              kind: "rest" as const,
              bytes: rest,
            },
          ]
        : []),
    ],
  }
}

/** The layers of an image with the command that made each; none where its record does not tell. */
export function layersOf(
  release: Release | undefined,
): { digest: string; compressed: number; uncompressed: number; madeBy: string }[] {
  const read = factsSchema.safeParse(release?.gates.size?.facts)
  return read.success ? read.data.layers.map((each) => ({ ...each, madeBy: commandOf(each.madeBy) })) : []
}

// What is before the command itself is much the same for all layers: build arguments, the shell, mounts.
const commandOf = (madeBy: string): string =>
  madeBy.replace(/^RUN\s+(?:\|\d+\s.*?(?=\/bin\/sh -c\s))?(?:\/bin\/sh -c\s+)?(?:--mount=\S+\s+)*(?=\S)/, "")

function layerDigests(release: Release | undefined): Set<string> | undefined {
  const read = factsSchema.safeParse(release?.gates.size?.facts)
  return read.success ? new Set(read.data.layers.map(({ digest }) => digest)) : undefined
}
