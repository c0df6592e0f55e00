import { z } from "zod"
import { harmless } from "../engine/engine.ts"
import { humanBytes } from "../fleet/bytes.ts"
import { familyNamed } from "../fleet/hierarchy.ts"
import type { Gate } from "./gate.ts"
import { originOf } from "./origin.ts"
import { shaped } from "./probe.ts"
import { CouldNotLook, type Finding, judge } from "./verdict.ts"

const count = z.int().nonnegative()
const packageSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  kind: z.enum(["debian", "python"]),
  bytes: count,
})

const factsSchema = z.strictObject({
  digest: z.string(),
  /** What a host pulls: layers as they are stored, manifest and config. */
  compressed: count,
  /** What the layers take on a host's disk. */
  uncompressed: count,
  layers: z
    .array(z.strictObject({ digest: z.string(), compressed: count, uncompressed: count, madeBy: z.string() }))
    .min(1),
  /** The biggest, in falling order. */
  packages: z.array(packageSchema),
  packageCount: count,
})

/** All sizes are bytes. */
export type SizeFacts = z.infer<typeof factsSchema>

const mostPackages = 40

/** The image against its budget, with the layers and packages that make it as big as it is. */
export const size: Gate<SizeFacts> & { readonly name: "size" } = {
  name: "size",
  async look(on) {
    const [{ digest, described, layers: seen }, inside] = await Promise.all([on.archived(), on.inside()])
    const layers = seen.map(({ uncompressed, ...layer }) => {
      if (uncompressed === null) throw new CouldNotLook(`size: nobody counted layer ${layer.digest}`)
      return { ...layer, uncompressed, madeBy: harmless(layer.madeBy) }
    })
    const all = [
      ...(inside?.debian ?? []).map(({ name, version, bytes }) => ({ name, version, bytes, kind: "debian" as const })),
      ...(inside?.distributions ?? []).map(({ name, version, bytes }) => ({
        name,
        version,
        bytes,
        kind: "python" as const,
      })),
    ]
    return {
      digest,
      compressed: described + layers.reduce((sum, layer) => sum + layer.compressed, 0),
      uncompressed: layers.reduce((sum, layer) => sum + layer.uncompressed, 0),
      layers,
      packages: all.sort((a, b) => b.bytes - a.bytes).slice(0, mostPackages),
      packageCount: all.length,
    }
  },
  judge(facts, rules) {
    const { budget, app } = familyNamed(rules.fleet, rules.family)
    const over = (["compressed", "uncompressed"] as const).filter((kind) => facts[kind] > budget[kind])
    const findings = over.map((kind): Finding => {
      const needed = `${Math.ceil(facts[kind] / 1e6)} MB`
      return {
        what: `${kind}: ${humanBytes(facts[kind])} is over the budget of ${humanBytes(budget[kind])} by ${humanBytes(facts[kind] - budget[kind])}`,
        where: originOf(rules).file(),
        evidence: `biggest layers: ${biggestLayers(facts, kind)}; biggest packages: ${biggestPackages(facts)}`,
        fix: app
          ? `raise apps.${app}.budget.${kind} in fleet.yaml, which is what it may add to its family, or drop what is not needed`
          : `raise families.${rules.family}.budget.${kind} to ${needed} in fleet.yaml, or drop what is not needed`,
      }
    })
    return { ...judge(facts, findings), brief: brief(facts.compressed, budget.compressed) }
  },
  recall: (stored) => shaped("size", stored, factsSchema),
}

const biggestLayers = ({ layers }: SizeFacts, kind: "compressed" | "uncompressed"): string =>
  [...layers]
    .sort((a, b) => b[kind] - a[kind])
    .slice(0, 3)
    .map((layer) => `${humanBytes(layer[kind])} ${layer.madeBy}`)
    .join(", ")

const biggestPackages = ({ packages }: SizeFacts): string =>
  packages
    .slice(0, 5)
    .map(({ name, version, bytes }) => `${harmless(name)} ${harmless(version)} ${humanBytes(bytes)}`)
    .join(", ") || "none seen"

/** "39 MB (budget 45)"; the budget's unit is said only where it is another one. */
function brief(bytes: number, budget: number): string {
  const [is, most] = [humanBytes(bytes), humanBytes(budget)]
  return `${is} (budget ${is.split(" ")[1] === most.split(" ")[1] ? most.split(" ")[0] : most})`
}
