import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { registryAddress } from "../../cli/setup/registry.ts"
import { Checkout, fairlead, ship } from "../e2e/yard.ts"

const org = `reproduce-${process.pid}-${Date.now()}`
let checkout: Checkout

beforeAll(async () => {
  checkout = await Checkout.make()
})
afterAll(() => checkout.remove())

describe("reproducing a release", () => {
  it("makes the same bytes from the same commit, with nothing of it cached and from another folder", async () => {
    const { report } = await ship(checkout, org, "--family", "base")
    const { digest } = report.families[0]!
    const other = await checkout.copy()
    try {
      const ref = `${registryAddress()}/${org}/base-python:${report.tag}`
      const told = await fairlead(["reproduce", "--ref", ref, "--json"], { cwd: other.root })
      expect(JSON.parse(told.stdout), told.stderr).toMatchObject({ same: true, released: digest, rebuilt: digest })
      expect(told.exitCode).toBe(0)
    } finally {
      await other.remove()
    }
  })

  it("refuses a checkout that is not what the release was made of, and says what changed", async () => {
    await checkout.change("dockerfiles/base-python.Dockerfile", (text) => text.replace(/^USER /m, "USER 0:0\nUSER "))
    const told = await fairlead(["reproduce", "--ref", "base-python", "--registry", `${registryAddress()}/${org}`], {
      cwd: checkout.root,
    })
    expect(told.exitCode).toBe(2)
    expect(told.stderr).toContain("dockerfiles/base-python.Dockerfile changed")
  })
})
