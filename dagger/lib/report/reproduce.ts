import { harmless } from "../engine/engine.ts"
import { deltaLine } from "../release/delta.ts"
import type { MovedBase } from "../reproduce/moved.ts"
import type { Reproduced } from "../reproduce/reproduce.ts"
import { line } from "./text.ts"

/** What is other, in one line: packages that moved on, else the first file, else keys of the config. */
export function firstDifference({ same, base, moved, differing }: Reproduced): string | undefined {
  if (same) return undefined
  if (moved) return `the archive moved on: ${deltaLine(moved)}`
  if (base) return `the archive moved on: ${baseLine(base)}`
  const first = differing?.layers.find(({ files }) => files.length > 0)
  if (first) return `${harmless(first.files[0]!.path)} in layer ${first.layer}: ${first.files[0]!.what}`
  if (differing && differing.config.length > 0) return `config: ${differing.config.map(harmless).join(", ")}`
  return "the digest alone"
}

/** Whether a release came out the same, and if not, because of what: packages that moved on, or the first file. */
export function reproduceText({ family, released, rebuilt, same, base, moved, differing }: Reproduced): string {
  if (same) return `  ${family}  reproduced: ${released}`
  const first = differing?.layers.find(({ files }) => files.length > 0)
  const file = first?.files[0]
  return [
    `  ${family}  differs: released ${released.slice(0, 19)}, rebuilt ${rebuilt.slice(0, 19)}`,
    ...(base ? [line("base", baseLine(base))] : []),
    ...(moved ? [line("packages", `the archive moved on: ${deltaLine(moved)}`)] : []),
    ...(file ? [line("first", `${harmless(file.path)} in layer ${first.layer}: ${file.what}`)] : []),
    ...(differing ? [line("files", `${differing.layers.reduce((sum, { count }) => sum + count, 0)} differ`)] : []),
    ...(differing && differing.config.length > 0 ? [line("config", differing.config.map(harmless).join(", "))] : []),
  ].join("\n")
}

const baseLine = ({ name, from, to }: MovedBase): string =>
  `${name} was made of other packages: ${from.slice(0, 19)} → ${to.slice(0, 19)}`
