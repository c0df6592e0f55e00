import { describe, expect, it } from "vitest"
import { chooseAdvisories } from "../../../dagger/lib/advisories/choice.ts"
import { reachOf, reachOfReference } from "../../../dagger/lib/advisories/reach.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { changed, refusal } from "../fleet/small.ts"

const written = (advisories: string): string => changed("advisories: { ", `advisories: { ${advisories}, `)
const fleet = (advisories?: string) => parseFleet(advisories ? written(advisories) : changed())
const sources = { none: "source: none", folder: "source: { folder: advisories }" }

describe("which advisory source is asked", () => {
  it("is what Trivy and pip-audit ask by themselves where nobody says otherwise, and then counts as nobody's choice", () => {
    expect(chooseAdvisories(fleet())).toEqual({
      source: "online",
      database: { refs: ["mirror.gcr.io/aquasec/trivy-db:2", "ghcr.io/aquasecurity/trivy-db:2"], by: undefined },
      python: { service: "pypi", url: "https://pypi.org/pypi", by: undefined },
    })
  })

  it("is the flag's, then the environment's, then fleet.yaml's", () => {
    const inFleet = fleet(sources.folder)
    const said = { flag: "none", env: "/elsewhere" }
    expect(chooseAdvisories(inFleet, said)).toEqual({ source: "none", by: "--advisories" })
    expect(chooseAdvisories(inFleet, { env: "/elsewhere" })).toMatchObject({
      path: "/elsewhere",
      by: "FAIRLEAD_ADVISORIES",
    })
    expect(chooseAdvisories(inFleet)).toMatchObject({ source: "folder", path: "advisories" })
    expect(chooseAdvisories(fleet(sources.none))).toMatchObject({ source: "none" })
  })

  it("is fleet.yaml's where the variable is set to nothing", () => {
    expect(chooseAdvisories(fleet(sources.none), { env: "" })).toMatchObject({ source: "none" })
  })

  it("has to answer once somebody wrote it down, also where that is the default", () => {
    const chosen = chooseAdvisories(fleet(sources.none), { flag: "online" })
    expect(chosen).toMatchObject({ database: { by: "--advisories" }, python: { by: "--advisories" } })
    const mirrored = chooseAdvisories(fleet('database: "registry.example/mirror/trivy-db:2"'))
    expect(mirrored).toMatchObject({
      database: { refs: ["registry.example/mirror/trivy-db:2"], by: "fleet.yaml: policy.advisories.database" },
      python: { by: undefined },
    })
  })

  it("is a service that speaks OSV where python is a URL, with OSV's path added", () => {
    for (const url of ["https://osv.example", "https://osv.example/", "https://osv.example/v1/query"]) {
      expect(chooseAdvisories(fleet(`python: "${url}"`))).toMatchObject({
        python: { service: "osv", url: "https://osv.example/v1/query" },
      })
    }
  })

  it("is refused where fleet.yaml names a folder and what would not be asked besides", () => {
    expect(refusal(written(`${sources.folder}, python: osv`)).join("\n")).toMatch(/write one or the other/)
  })

  it.each([
    ["http on another machine", 'python: "http://osv.example"'],
    ["a query", 'python: "https://osv.example/?key=1"'],
    ["a database without a host", 'database: "trivy-db:2"'],
    ["a database without a tag", 'database: "ghcr.io/aquasecurity/trivy-db"'],
    ["a folder that looks like an option", 'source: { folder: "-rf" }'],
    ["another word", "source: offline"],
  ])("is refused as %s", (_, text) => {
    expect(refusal(written(text)).length).toBeGreaterThan(0)
  })
})

describe("how a step reaches a source", () => {
  it("is by its own address elsewhere, and by the caller's port on the loopback", () => {
    expect(reachOf("https://osv.example/v1/query")).toMatchObject({
      address: "https://osv.example/v1/query",
      services: {},
    })
    expect(reachOf("http://127.0.0.1:8080/v1/query")).toEqual({
      address: "http://advisories:8080/v1/query",
      host: "advisories",
      port: 8080,
      plain: true,
      services: { advisories: { callerPort: 8080 } },
    })
  })

  it("is TLS for every registry but one on the loopback", () => {
    expect(reachOfReference("registry.example/m/trivy-db:2")).toMatchObject({ plain: false, port: 443, services: {} })
    expect(reachOfReference("127.0.0.1:5000/m/trivy-db:2")).toMatchObject({
      address: "registry:5000/m/trivy-db:2",
      plain: true,
      services: { registry: { callerPort: 5000 } },
    })
  })
})
