import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import type { GpuCode } from "../../dagger/lib/gates/inside.ts"
import type { ShippedFamily } from "../../dagger/lib/release/ship.ts"
import { Checkout, digestIn, ship } from "../e2e/yard.ts"

// One organisation for every run: the same images again take no more room in the registry.
const org = "heavy"
const fleet = await loadFleet(fairleadRoot)
let checkout: Checkout
let tag = ""

beforeAll(async () => {
  checkout = await Checkout.make()
})
afterAll(() => checkout.remove())

let families: ShippedFamily[] = []
beforeAll(async () => {
  const nine = Object.keys(fleet.families).flatMap((name) => ["--family", name])
  const { exitCode, report, stderr } = await ship(checkout, org, ...nine)
  const failed = report.families.flatMap(({ family, gates }) =>
    Object.entries(gates).flatMap(([gate, { findings }]) => findings.map(({ what }) => `${family} ${gate}: ${what}`)),
  )
  expect(failed).toEqual([])
  expect(exitCode, stderr).toBe(0)
  families = report.families
  tag = report.tag
})

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

const named = (name: string): ShippedFamily => families.find(({ family }) => family === name)!

const notesOf = ({ gates }: ShippedFamily): string[] =>
  Object.values(gates).flatMap(({ notes = [] }) => notes.map(({ what }) => what))

describe("all nine families, in one run", () => {
  it.each(Object.keys(fleet.families))("%s passes every gate and is in the registry", async (name) => {
    const { gates, digest } = named(name)
    for (const [gate, { verdict }] of Object.entries(gates))
      expect(["audit", "scan"].includes(gate) ? ["PASS", "UNCHECKED"] : ["PASS"], gate).toContain(verdict)
    expect(await digestIn(org, name, tag)).toBe(digest)
  })

  it("legacy-py310-cpu says that its Python gets no fixes any more", () => {
    expect(notesOf(named("legacy-py310-cpu"))).toContain(
      "Python 3.10 gets no fixes since 2026-10-31, as families.legacy-py310-cpu.endOfLife says",
    )
  })

  it("family-torch-cu121 has torch 2.2.2 for CUDA 12.1, for the GPUs of both hosts", () => {
    const torch = named("family-torch-cu121")
    expect(importedIn(torch)).toMatchObject({
      torch: "2.2.2+cu121",
      torchvision: expect.stringMatching(/^0\.17\.2/),
      torchaudio: expect.stringMatching(/^2\.2\.2/),
    })
    const { inside } = torch.gates.contract!.facts as { inside: { gpuCode: GpuCode } }
    const cuda = inside.gpuCode.libraries.find(({ path }) => path.endsWith("/libtorch_cuda.so"))!
    expect(cuda.compiled).toEqual(expect.arrayContaining(["8.0", "8.6"]))
  })

  it("family-vision-cu121 is without torch", () => {
    const imported = importedIn(named("family-vision-cu121"))
    expect(Object.keys(imported)).toEqual(expect.arrayContaining(["cv2", "onnxruntime"]))
    expect(imported).not.toHaveProperty("torch")
  })

  it("family-llm-cu121 is on the same torch", () => {
    const imported = importedIn(named("family-llm-cu121"))
    expect(imported).toMatchObject({ torch: "2.2.2+cu121", transformers: expect.stringMatching(/^4\./) })
    expect(Object.keys(imported)).toEqual(expect.arrayContaining(["accelerate", "llama_cpp"]))
  })
})
