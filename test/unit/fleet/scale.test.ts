import { expect, it } from "vitest"
import { buildOrder, inheritedFrozen, lineage, servicesOf } from "../../../dagger/lib/fleet/hierarchy.ts"
import { fleetFrom } from "../../../dagger/lib/fleet/load.ts"
import { wavesOf } from "../../../dagger/lib/fleet/waves.ts"
import { readYaml, type YamlData } from "../../../dagger/lib/fleet/yaml.ts"
import { changed } from "./small.ts"

// One chain, the deepest hierarchy that 1,000 families can make, and ports that differ.
const families = Array.from({ length: 1_000 }, (_, index) => {
  const parent = index === 0 ? "root" : `f${index - 1}`
  return `  f${index}: {alias: a${index}, description: x, parent: ${parent}, budget: {compressed: 1 MB, uncompressed: 1 MB}}\n`
}).join("")
const services = Array.from({ length: 10_000 }, (_, index) => {
  return `  S${index}: {family: f${index % 1000}, hosts: [two], needs: [cpu], port: ${10_000 + index}, healthPort: ${30_000 + index}}\n`
}).join("")
const text = changed("hosts:\n", `${families}hosts:\n`, "services:\n", `services:\n${services}`)

function checkAndOrder(file: YamlData): void {
  const fleet = fleetFrom(file, "fleet.yaml")
  const names = Object.keys(fleet.families)
  expect(buildOrder(fleet, names)).toHaveLength(1_004)
  expect(names.flatMap((name) => servicesOf(fleet, name))).toHaveLength(10_003)
  expect(lineage(fleet, "f999")).toHaveLength(1_001)
  expect(wavesOf(fleet).flatMap(({ instances }) => instances)).toHaveLength(10_004)
  for (const name of names) inheritedFrozen(fleet, name)
}

it("checks and orders 1,000 families and 10,000 services in under a second", () => {
  const file = readYaml(text, "fleet.yaml")
  // The best of three, since other tests share the processor.
  const milliseconds = [1, 2, 3].map(() => {
    const start = performance.now()
    checkAndOrder(file)
    return performance.now() - start
  })
  expect(Math.min(...milliseconds)).toBeLessThan(1_000)
}, 60_000)
