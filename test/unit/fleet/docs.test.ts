import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { fleetJsonSchema } from "../../../dagger/lib/fleet/json-schema.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"

const page = readFileSync(new URL("../../../docs/fleet-yaml.md", import.meta.url), "utf8")

describe("docs/fleet-yaml.md", () => {
  it("begins with a fleet that is right", () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
    expect(Object.keys(parseFleet(example).services)).toEqual(["Hello"])
  })

  it("names every key that there is", () => {
    const missing = [...keysOf(fleetJsonSchema())].filter((key) => !new RegExp(`\\b${key}\\b`).test(page))
    expect(missing).toEqual([])
  })
})

function* keysOf(schema: unknown): Iterable<string> {
  if (typeof schema !== "object" || schema === null) return
  for (const [key, value] of Object.entries(schema)) {
    if (key === "properties") yield* Object.keys(value)
    yield* keysOf(value)
  }
}
