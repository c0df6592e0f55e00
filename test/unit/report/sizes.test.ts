import { describe, expect, it } from "vitest"
import { sizeOf } from "../../../dagger/lib/report/sizes.ts"
import type { Release } from "../../../dagger/lib/report/state.ts"
import { sizeFacts } from "../gates/facts.ts"

const release = (facts: unknown): Release => ({
  family: "f",
  digest: "d",
  size: { compressed: 0, uncompressed: 0 },
  packages: 0,
  gates: { size: { verdict: "PASS", seconds: 1, facts, findings: [] } },
})

describe("what makes an image as big as it is", () => {
  it("is its packages, and all else in one tile: together as much as the image", () => {
    const { packages, uncompressed } = sizeOf(release(sizeFacts()))!
    expect(packages.at(-1)).toMatchObject({ name: "everything else", detail: "89 smaller packages, and files of none" })
    expect(packages.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(uncompressed)
  })

  it("is its layers by the command that made each, told apart from those of what it stands on", () => {
    const madeBy = "RUN |1 SOURCE_DATE_EPOCH=1 /bin/sh -c --mount=type=cache,target=/c uv pip sync web.lock"
    const parent = release(sizeFacts())
    const child = sizeFacts((facts) => facts.layers.push({ ...facts.layers[1]!, digest: "sha256:new", madeBy }))
    expect(sizeOf(release(child), parent)!.layers.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      "inherited the base",
      "inherited apt-get install python3",
      "own uv pip sync web.lock",
    ])
  })

  it("is not known where the record does not tell", () => {
    expect(sizeOf(release({ layers: "many" }))).toBeUndefined()
    expect(sizeOf(undefined)).toBeUndefined()
  })
})
