import { expect, it } from "vitest"
import { fingerprint, ingredientsOf } from "../../../dagger/lib/plan/fingerprint.ts"
import type { AllInputs } from "../../../dagger/lib/plan/inputs.ts"
import { movedBase } from "../../../dagger/lib/reproduce/moved.ts"
import { smallFleet } from "../../fleets/small.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"

const fleet = smallFleet()
const [then, now] = ["a", "b"].map((each) => `sha256:${each.repeat(64)}`) as [string, string]
const input = (needs: string[], files: Record<string, string> = {}) => ({
  ...{ dockerfile: "Dockerfile", text: "", needs, files, pins: {} },
})
const inputs: AllInputs = { bottom: input([]), middle: input(["bottom"]), top: input(["middle"]) }
const order = ["bottom", "middle", "top"]

/** A release of "top", whose foot stood on the base of then; as the contract gate saw its label. */
const released = (labels: Record<string, string> = { "org.opencontainers.image.base.digest": then }) => {
  const ingredients = ingredientsOf(fleet, inputs, { bookworm: then }, order).top!
  const contract = { verdict: "PASS" as const, seconds: 1, findings: [], facts: { config: { labels } } }
  return tinyRecord("top", `sha256:${"c".repeat(64)}`, { fingerprint: fingerprint(ingredients), gates: { contract } })
}

it("is named where a family's whole line is the same, but for what the base was made of", () => {
  const moved = movedBase({ fleet, inputs, bases: { bookworm: now } }, released())
  expect(moved).toEqual({ name: "bookworm", from: then, to: now })
})

it("is none where something else changed as well, where the base is the same, and where nobody knows", () => {
  const changed = { ...inputs, middle: input(["bottom"], { "middle.lock": "1" }) }
  expect(movedBase({ fleet, inputs: changed, bases: { bookworm: now } }, released())).toBeUndefined()
  expect(movedBase({ fleet, inputs, bases: { bookworm: then } }, released())).toBeUndefined()
  expect(movedBase({ fleet, inputs, bases: { bookworm: now } }, released({}))).toBeUndefined()
})
