import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { lineage } from "../../dagger/lib/fleet/hierarchy.ts"
import { parseFleet } from "../../dagger/lib/fleet/load.ts"
import type { Package } from "../../dagger/lib/release/contents.ts"

/** This repository's own fleet: 9 families, 64 services. */
export const bigFleet: Fleet = parseFleet(
  readFileSync(new URL("../../fleet.yaml", import.meta.url), "utf8"),
  "fleet.yaml",
)

/** What an image could call a package or a layer to take over whoever reads of it. */
export const hostile = [
  "<img src=x onerror=globalThis.owned=1>",
  "</script><script>globalThis.owned=2</script>",
  `"><svg onload=globalThis.owned=3>`,
  "'-globalThis.owned=4-'",
  "]]><!--",
  "\u001b]0;owned\u0007\u202efdp.exe",
  "| `owned` | [x](javascript:globalThis.owned=5)",
]

export const sha = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`

/** Packages by family: what it stands on has, too. The bigger half is Debian's. */
export function packageTables(count: number): Map<string, Package[]> {
  const families = Object.keys(bigFleet.families)
  const share = Math.floor((count - hostile.length - famous.length) / families.length)
  const own = new Map(
    families.map((family, at) => [
      family,
      Array.from({ length: share }, (_, index): Package => {
        const kind = index % 5 < 3 ? "debian" : "python"
        return { kind, name: packageName(at * share + index, kind), version: `${index % 9}.${index % 31}.${index % 7}` }
      }),
    ]),
  )
  for (const { family, ...each } of famous) own.get(family)!.push(each)
  own.get("family-web")!.push(...hostile.map((each): Package => ({ kind: "python", name: each, version: "1.0" })))
  const missing = count - [...own.values()].flat().length
  own
    .get("base-python")!
    .push(
      ...Array.from(
        { length: missing },
        (_, index): Package => ({ kind: "debian", name: `filler-${index}`, version: "1" }),
      ),
    )
  return new Map(families.map((family) => [family, lineage(bigFleet, family).flatMap((each) => own.get(each.name)!)]))
}

const famous: (Package & { family: string })[] = [
  { family: "base-python", kind: "debian", name: "libc6", version: "2.36-9+deb12u13" },
  { family: "base-cpu-pydeps", kind: "python", name: "numpy", version: "1.26.4" },
  { family: "family-web", kind: "python", name: "starlette", version: "0.37.2" },
  { family: "family-torch-cu121", kind: "python", name: "torch", version: "2.2.2+cu121" },
  { family: "family-torch-cu121", kind: "python", name: "torchaudio", version: "2.2.2+cu121" },
  { family: "legacy-py310-cpu", kind: "python", name: "torch", version: "2.1.0+cpu" },
]

const sounds = [
  "py",
  "lib",
  "auto",
  "fast",
  "core",
  "net",
  "data",
  "json",
  "async",
  "gl",
  "media",
  "proto",
  "graph",
  "text",
  "io",
  "sys",
]

export function packageName(index: number, kind: Package["kind"]): string {
  const [a, b, c] = [sounds[index % 16], sounds[(index >> 4) % 16], sounds[(index >> 8) % 16]]
  return kind === "debian" ? `lib${a}${b}-${c}${index}` : `${a}-${b}-${c}${index}`
}
