import { expect, it } from "vitest"
import { linesOf } from "../../../dagger/lib/reproduce/lines.ts"
import { fleet } from "../gates/facts.ts"

it("makes each family once, in as few builds as there are ends of lines", () => {
  expect(linesOf(fleet, Object.keys(fleet.families))).toEqual([
    ["family-web", ["base-python", "base-cpu", "family-web"]],
    ["family-llm", ["base-gpu", "family-torch", "family-llm"]],
  ])
})

it("compares only what was asked for", () => {
  expect(linesOf(fleet, ["family-web"])).toEqual([["family-web", ["family-web"]]])
  expect(linesOf(fleet, ["family-llm", "base-gpu"])).toEqual([["family-llm", ["base-gpu", "family-llm"]]])
})
