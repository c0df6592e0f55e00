import type { Ingredients } from "./fingerprint.ts"
import { toolDifferences } from "./tools.ts"

/** Nothing here knows it; what other machines built, the registry knows. */
const neverHere = "not built on this machine; ship asks the registry"

/** Why an image has to be built again, in words, the most telling first; empty when nothing differs. */
export function why(before: Ingredients | undefined, now: Ingredients): string[] {
  if (!before) return [neverHere]
  const pins = differences(before.pins, now.pins).map(
    ([name, from, to]) => `requirements lock: ${name} ${from ?? "(new)"} → ${to ?? "(gone)"}`,
  )
  const files = differences(before.files, now.files)
    .filter(([path]) => pins.length === 0 || !path.endsWith(".lock"))
    .map(([path, from, to]) => `${path} ${from ? (to ? "changed" : "is gone") : "is new"}`)
  const args = differences(before.args, now.args).map(([name]) => `build argument ${name}`)
  const standsOn = differences(before.standsOn, now.standsOn).map(([name]) => `${name} changed`)
  // A record of before labels were kept differs by its tools.
  const labels = differences(before.labels ?? now.labels ?? {}, now.labels ?? {}).map(([name]) => `label ${name}`)
  return [
    ...pins,
    ...files,
    ...args,
    ...standsOn,
    ...(before.epoch === now.epoch ? [] : ["the fleet's epoch moved"]),
    ...(before.machine === now.machine ? [] : [`machine ${before.machine || "none"} → ${now.machine || "none"}`]),
    ...labels,
    ...toolDifferences(before.builder, now.builder),
  ]
}

type Difference = [name: string, from: string | undefined, to: string | undefined]

const differences = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): Difference[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => a[name] !== b[name])
    .map((name): Difference => [name, a[name], b[name]])
