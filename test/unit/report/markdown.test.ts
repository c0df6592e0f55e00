import { describe, expect, it } from "vitest"
import { escaped, markdown } from "../../../dagger/lib/report/markdown.ts"
import { fleetState } from "../../../dagger/lib/report/state.ts"
import { bigFleet, bigState, hostile, today } from "../../fleets/big.ts"

const text = markdown(bigState(500))

describe("the Markdown summary", () => {
  it("has a row per family with each gate's word, and nothing that was not looked at is ok", () => {
    const gpu = text.split("\n").find((line) => line.startsWith("| `base-gpu-cu121` | **unchecked**"))
    expect(gpu).toContain("| **unchecked** | **unchecked** |")
    expect(text).toMatch(/\| `base-python` \| ok \| 45\/45 \| 0\.4 s \| 17 audited \|/)
    expect(text).toContain("> **Nobody looked**: audit and scan are unchecked")
  })

  it("tells findings with their fix, the worst 20, and where the others are", () => {
    expect(text).toContain("user: image runs as root (0:0), the blueprint wants 10001:10001")
    expect(text).toContain("**fix:** end the Dockerfile with USER 10001:10001")
    expect(text).toMatch(/torch 2\.2\.2\+cu121: CVE-2025-32434[\s\S]{0,200}\*\*fix:\*\* torch 2\.6\.0/)
    expect(text).toContain("**fix:** run `fairlead advisories update`")
    expect(text).toContain("- and 81 more: `fairlead report`")
  })

  it("tells accepted risks with their expiry, sizes against budgets, and what changed", () => {
    expect(text).toContain("| `base-cpu-pydeps` | libssl3 CVE-2026-00111 | 30 Nov 2026 (in 8 days) | Ada |")
    expect(text).toMatch(/\| `family-torch-cu121` \| 2\.3 GB of 2\.1 GB \| .* \| \*\*over\*\* \|/)
    expect(text).toMatch(/- `base-utils`: .* 1\.1\.1~old1 → 1\.1\.1|- `base-utils`: .*old1 →/)
  })

  it("lets nothing of an image's names become markup", () => {
    for (const name of hostile) {
      const shown = escaped(name)
      expect(shown).not.toMatch(/[<>\u001b\n]|(?<!\\)[`[\]|]/)
    }
    expect(text).not.toContain("<img")
    for (const row of text.split("\n").filter((line) => line.startsWith("|")))
      expect(row.match(/(?<!\\)\|/g)?.length, row).toBeGreaterThan(3)
  })

  it("says that nothing is known where there is no record", () => {
    const none = markdown(fleetState({ fleet: bigFleet, risks: [], now: today, releases: new Map() }))
    expect(none).toContain("## my-fleet: not known")
    expect(none).toContain("Nothing is known")
    expect(none).not.toMatch(/\bok\b/)
  })
})
