import { createHash } from "node:crypto"
import type { ToolboxPart } from "./engine.ts"

/** Every part of the toolbox, in the order in which a newcomer needs them. */
export const toolboxParts: readonly ToolboxPart[] = [
  ...(["build", "registry", "sbom", "run", "lint", "sign", "lock"] as const),
  ...(["scan", "ssh", "browser", "kubernetes", "groovy", "host"] as const),
]

/** What the Dockerfile of the toolbox calls the image at its foot; `fairlead` gives it another by this name. */
export const toolboxFoot = "debian:trixie-slim"

/** Docker's name for a part with this fingerprint. */
export const toolboxName = (part: ToolboxPart, fingerprint: string): string =>
  `fairlead/toolbox-${part}:${fingerprint.slice(0, 12)}`

/**
 * What decides what is in a part: its stages of the Dockerfile, the files of the toolbox folder that they name (path ->
 * text), and the base. A part is thus rebuilt when its own recipe changes, and not when another one's does.
 */
export function toolboxFingerprint(
  part: ToolboxPart,
  files: Readonly<Record<string, string>>,
  baseDigest: string,
): string {
  const recipe = stagesOf(part, files.Dockerfile ?? "").join("\n")
  const named = Object.keys(files).filter((path) => names(recipe, path))
  const hash = createHash("sha256")
  for (const each of [part, baseDigest, recipe, ...named.sort().flatMap((path) => [path, files[path]!])]) {
    hash.update(`${Buffer.byteLength(each)}\n${each}`)
  }
  return hash.digest("hex")
}

/** A target's stage and those that it is built from or copies from, comments left out. */
export function stagesOf(target: string, dockerfile: string): string[] {
  const lines = dockerfile.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"))
  const stages = new Map<string, string>()
  for (const stage of lines.join("\n").split(/\n(?=FROM )/)) {
    const name = /^FROM \S+ AS (\S+)/.exec(stage)?.[1]
    if (name) stages.set(name, stage)
  }
  const taken = new Set<string>()
  const take = (name: string): void => {
    const stage = stages.get(name)
    if (stage === undefined || taken.has(stage)) return
    taken.add(stage)
    for (const [, from] of stage.matchAll(/(?:^FROM |--from=|[, ]from=)([\w-]+)/g)) take(from!)
  }
  take(target)
  return [...taken]
}

/** Scripts are mounted as a folder and called by name; `scripts/site` is read by all of them. */
function names(recipe: string, path: string): boolean {
  if (path === "scripts/site") return recipe.includes("/toolbox/")
  const inStages = path.startsWith("scripts/") ? [path, path.replace("scripts", "/toolbox")] : [path]
  return inStages.some((each) =>
    new RegExp(`(?<![\\w./-])${each.replace(/[.*+?^$()|[\]{}\\]/g, "\\$&")}(?![\\w./-])`).test(recipe),
  )
}
