import { describe, expect, it } from "vitest"
import { pageData } from "../../../dagger/lib/report/html/data.ts"
import { indexOf, search, wordsOf } from "../../../dagger/lib/report/html/page/search.js"
import { bigState } from "../../fleets/big.ts"

const data = pageData(bigState(500))
const index = indexOf(data)
const packages = (query: string) =>
  search(index, query).packages.map(({ name, versions }) => `${name} ${versions.map(({ version }) => version)}`)
const services = (query: string) => search(index, query).services.map((at) => data.services[at]!.name)

describe("the search", () => {
  it("answers who runs torch 2.2", () => {
    const [first] = search(index, "who runs torch 2.2?").packages
    expect(first?.name).toBe("torch")
    const families = first!.versions.flatMap((each) => each.families.map((family) => data.families[family]!.name))
    expect(families).toEqual(["family-torch-cu121", "family-llm-cu121"])
  })

  it("finds a package by its name, the very name first, with every version", () => {
    expect(packages("torch")).toEqual(["torch 2.2.2+cu121,2.1.0+cpu", "torchaudio 2.2.2+cu121"])
  })

  it.each(["torch==2.2.2", "torch 2.2.2+cu121", "TORCH v2.2"])("understands %s", (query) => {
    expect(packages(query)[0]).toBe("torch 2.2.2+cu121")
  })

  it("takes 2.2 for the beginning of 2.2.2, and not of 2.21 or 12.2", () => {
    const few = indexOf({ ...data, packages: [["a", "2.21", "python", [0]], ["a", "12.2", "python", [0]], ["a", "1:2.2-1", "debian", [0]]] }) // biome-ignore format: a table
    expect(search(few, "a 2.2").packages.flatMap(({ versions }) => versions.map(({ version }) => version))).toEqual([
      "1:2.2-1",
    ])
  })

  it("finds services by name, by the name that containers carry, by port and by host", () => {
    expect(services("model_ops")).toEqual(["ModelOpsCoordinator"])
    expect(services("modelops")).toEqual(["ModelOpsCoordinator"])
    expect(services("8212")).toEqual(["ModelOpsCoordinator"])
    expect(services("pc2 family-web").length).toBeGreaterThan(0)
  })

  it("knows which families' packages it does not know", () => {
    const state = bigState(500)
    state.families[3]!.release = undefined
    expect(
      pageData(state)
        .families.map(({ known }) => known)
        .indexOf(false),
    ).toBe(3)
  })

  it("finds nothing for nothing", () => {
    expect(wordsOf("  ")).toEqual([])
    expect(search(index, " ")).toEqual({ services: [], packages: [] })
  })
})
