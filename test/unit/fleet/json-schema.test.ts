import { readFileSync } from "node:fs"
import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { fleetJsonSchema } from "../../../dagger/lib/fleet/json-schema.ts"
import { changed, small } from "./small.ts"

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")
const valid = new Ajv({ strict: false, allErrors: true }).compile(JSON.parse(read("schema/fleet.schema.json")))

describe("schema/fleet.schema.json", () => {
  it("is what dagger/lib/fleet says", () => {
    expect(JSON.parse(read("schema/fleet.schema.json"))).toEqual(JSON.parse(JSON.stringify(fleetJsonSchema())))
  })

  it("is named in the first line of fleet.yaml", () => {
    expect(read("fleet.yaml")).toMatch(/^# yaml-language-server: \$schema=\.\/schema\/fleet\.schema\.json\n/)
  })

  it("accepts this repository's fleet and the small one", () => {
    expect([valid(parse(read("fleet.yaml"))), valid.errors]).toEqual([true, null])
    expect([valid(parse(small)), valid.errors]).toEqual([true, null])
  })

  it.each([
    ["port: 7001", "prot: 7001"],
    ["port: 7001", "port: 70010"],
    ["45 MB", "45"],
    ["needs: [cpu]", "needs: [cpuu]"],
    ["dockerfiles/root.Dockerfile", "../root.Dockerfile"],
    ["plain: {", "Plain: {"],
  ])("refuses %s → %s", (from, to) => {
    expect(valid(parse(changed(from, to)))).toBe(false)
  })
})
