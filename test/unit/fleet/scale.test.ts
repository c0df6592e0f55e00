import { expect, it } from "vitest"
import { parse } from "yaml"
import { buildOrder, inheritedFrozen, lineage, servicesOf } from "../../../dagger/lib/fleet/hierarchy.ts"
import { fleetFrom } from "../../../dagger/lib/fleet/load.ts"
import { wavesOf } from "../../../dagger/lib/fleet/waves.ts"
import type { YamlData } from "../../../dagger/lib/fleet/yaml.ts"
import { small } from "./small.ts"

// One chain, the deepest hierarchy that 1,000 families can make, and ports that differ.
const budget = { compressed: "1 MB", uncompressed: "1 MB" }
const families = Array.from({ length: 1_000 }, (_, index) => {
  return [`f${index}`, { alias: `a${index}`, description: "x", parent: index === 0 ? "root" : `f${index - 1}`, budget }]
})
const services = Array.from({ length: 10_000 }, (_, index) => {
  const ports = { port: 10_000 + index, healthPort: 30_000 + index }
  return [`S${index}`, { family: `f${index % 1000}`, hosts: ["two"], needs: ["cpu"], ...ports }]
})
const data = parse(small)
Object.assign(data.families, Object.fromEntries(families))
Object.assign(data.services, Object.fromEntries(services))

function checkAndOrder(file: YamlData): void {
  const fleet = fleetFrom(file, "fleet.yaml")
  const names = Object.keys(fleet.families)
  expect(buildOrder(fleet, names)).toHaveLength(1_004)
  expect(names.flatMap((name) => servicesOf(fleet, name))).toHaveLength(10_003)
  expect(lineage(fleet, "f999")).toHaveLength(1_001)
  expect(wavesOf(fleet).flatMap(({ instances }) => instances)).toHaveLength(10_004)
  for (const name of names) inheritedFrozen(fleet, name)
}

// Its time is the benchmark's business; what takes minutes here has become quadratic, and the test's own limit says so.
it("checks and orders 1,000 families and 10,000 services", () => {
  checkAndOrder({ data, line: () => 1 })
}, 30_000)
