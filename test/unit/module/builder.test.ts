import { describe, expect, it } from "vitest"
import { builderOf, daggerEngine, type Site } from "../../../dagger/lib/module/yard.ts"

const secret = (name: string) => ({ name }) as unknown as NonNullable<Site["builderCa"]>
const engine = daggerEngine({} as Site)
const files = { builderCa: secret("ca"), builderCert: secret("cert"), builderKey: secret("key") }

describe("a builder that a call names", () => {
  it("is nobody unless one is named", () => {
    expect(builderOf({}, engine)).toBeUndefined()
  })

  it("has an address, and TLS where its three files came along", () => {
    const builder = "tcp://build.example.org:1234"
    expect(builderOf({ builder }, engine)).toEqual({ host: "build.example.org", port: 1234 })
    const { tls } = builderOf({ builder, ...files }, engine)!
    expect(Object.entries(tls!).map(([name, { handle }]) => [name, handle])).toEqual([
      ["ca", files.builderCa],
      ["cert", files.builderCert],
      ["key", files.builderKey],
    ])
  })

  it.each([
    [{ builder: "build.example.org" }, /--builder: .* is no address of a BuildKit/],
    [{ builder: "tcp://there:1", builderCa: files.builderCa }, /--builder: a builder with TLS wants three files/],
    [{ builderKey: files.builderKey }, /--builder-key: there is no builder that it is for/],
  ])("is refused by a sentence where something is missing (%#)", (site, said) => {
    expect(() => builderOf(site, engine)).toThrow(said)
  })

  it("on loopback has to come along as a service", async () => {
    const toolbox = { entries: async () => ["build-0.tar"], file: () => ({}) }
    const dag = { container: () => ({ import_: () => ({}) }) }
    const on = daggerEngine({ dag, toolbox, builder: "tcp://127.0.0.1:1234" } as unknown as Site)
    const step = { name: "build", image: "toolbox:build", argv: ["true"], services: { builder: { callerPort: 1234 } } }
    await expect(on.run(step as unknown as Parameters<typeof on.run>[0])).rejects.toThrow(
      /pass --host-service tcp:\/\/127\.0\.0\.1:1234/,
    )
  })
})
