import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import type { ShippedFamily } from "../../dagger/lib/release/ship.ts"
import { Checkout, digestIn, ship } from "../e2e/yard.ts"

// One organisation for every run: the same images again take no more room in the registry.
const org = "heavy"
const fleet = await loadFleet(fairleadRoot)
let checkout: Checkout

beforeAll(async () => {
  checkout = await Checkout.make()
})
afterAll(() => checkout.remove())

/** Ships a family and what it stands on, and answers what was told of it. */
async function shipped(name: string): Promise<ShippedFamily> {
  const { exitCode, report, stderr } = await ship(checkout, org, "--family", name)
  const found = report.families.at(-1)!
  const failed = Object.entries(found.gates).flatMap(([gate, { findings }]) =>
    findings.map(({ what }) => `${gate}: ${what}`),
  )
  expect(failed).toEqual([])
  expect([exitCode, found.family], stderr).toEqual([0, name])
  for (const [gate, { verdict }] of Object.entries(found.gates)) {
    expect(["audit", "scan"].includes(gate) ? ["PASS", "UNCHECKED"] : ["PASS"], gate).toContain(verdict)
  }
  expect(await digestIn(org, name, report.tag)).toBe(found.digest)
  return found
}

interface Imported {
  module: string
  imported: boolean
  version: string | null
}

/** module -> version, as imported by 10001 with a root file system that is read only. */
const importedIn = ({ gates }: ShippedFamily): Record<string, string | null> => {
  const { image } = gates.audit!.facts as { image: { imports: Imported[] } }
  expect(image.imports.filter(({ imported }) => !imported)).toEqual([])
  return Object.fromEntries(image.imports.map(({ module, version }) => [module, version]))
}

const notesOf = ({ gates }: ShippedFamily): string[] =>
  Object.values(gates).flatMap(({ notes = [] }) => notes.map(({ what }) => what))

// One after another: each unpacks gigabytes.
describe("the heavy families ship", () => {
  it("legacy-py310-cpu, which says that its Python gets no fixes any more", async () => {
    const legacy = await shipped("legacy-py310-cpu")
    expect(notesOf(legacy)).toContain(
      "Python 3.10 gets no fixes since 2026-10-31, as families.legacy-py310-cpu.endOfLife says",
    )
  })

  it("family-torch-cu121, with torch 2.2.2 for CUDA 12.1", async () => {
    expect(importedIn(await shipped("family-torch-cu121"))).toMatchObject({
      torch: "2.2.2+cu121",
      torchvision: expect.stringMatching(/^0\.17\.2/),
      torchaudio: expect.stringMatching(/^2\.2\.2/),
    })
  })

  it("family-vision-cu121, without torch", async () => {
    const imported = importedIn(await shipped("family-vision-cu121"))
    expect(Object.keys(imported)).toEqual(expect.arrayContaining(["cv2", "onnxruntime"]))
    expect(imported).not.toHaveProperty("torch")
  })

  it.skipIf(!fleet.families["family-llm-cu121"]?.dockerfile)("family-llm-cu121, on the same torch", async () => {
    const imported = importedIn(await shipped("family-llm-cu121"))
    expect(imported).toMatchObject({ torch: "2.2.2+cu121", transformers: expect.stringMatching(/^4\./) })
    expect(Object.keys(imported)).toEqual(expect.arrayContaining(["accelerate", "llama_cpp"]))
  })
})
