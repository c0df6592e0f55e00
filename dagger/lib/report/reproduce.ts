import { harmless } from "../engine/engine.ts"
import { deltaLine } from "../release/delta.ts"
import type { Reproduced } from "../reproduce/reproduce.ts"
import { line } from "./text.ts"

/** Whether a release came out the same, and if not, because of what: packages that moved on, or the first file. */
export function reproduceText({ family, released, rebuilt, same, moved, differing }: Reproduced): string {
  if (same) return `  ${family}  reproduced: ${released}`
  const first = differing?.layers.find(({ files }) => files.length > 0)
  const file = first?.files[0]
  return [
    `  ${family}  differs: released ${released.slice(0, 19)}, rebuilt ${rebuilt.slice(0, 19)}`,
    ...(moved ? [line("packages", `the archive moved on: ${deltaLine(moved)}`)] : []),
    ...(file ? [line("first", `${harmless(file.path)} in layer ${first.layer}: ${file.what}`)] : []),
    ...(differing ? [line("files", `${differing.layers.reduce((sum, { count }) => sum + count, 0)} differ`)] : []),
    ...(differing && differing.config.length > 0 ? [line("config", differing.config.map(harmless).join(", "))] : []),
  ].join("\n")
}
