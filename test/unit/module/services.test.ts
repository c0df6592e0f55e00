import { describe, expect, it } from "vitest"
import { byPort } from "../../../dagger/lib/module/yard.ts"

describe("services that a call brought along", () => {
  it("are told apart by the port at which each of them answers", async () => {
    const services = ["a1b2c3:22001", "d4e5f6.dagger.local:22002"].map((at) => ({ endpoint: async () => at }))
    const found = await byPort(services)
    expect([...found.keys()]).toEqual([22001, 22002])
    expect(found.get(22002)).toBe(services[1])
    expect(found.get(5000)).toBeUndefined()
  })
})
