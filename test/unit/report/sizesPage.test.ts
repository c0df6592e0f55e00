import { describe, expect, it } from "vitest"
import { sizesPage } from "../../../dagger/lib/report/sizesPage.ts"
import type { FamilyState, FleetState, Release } from "../../../dagger/lib/report/state.ts"

const layer = (digest: string, madeBy: string, uncompressed = 20_000_000) => ({
  digest,
  madeBy,
  uncompressed,
  compressed: uncompressed / 2,
})

const release = (family: string, layers: object[]): Release => ({
  ...{ family, digest: "d", packages: 0, at: "2026-11-22T18:00:00Z" },
  size: { compressed: 34_900_000, uncompressed: 111_600_000 },
  gates: {
    size: {
      verdict: "PASS",
      seconds: 1,
      findings: [],
      facts: { compressed: 1, uncompressed: 2, layers, packages: [] },
    },
  },
})

const family = (name: string, more: Partial<FamilyState>): FamilyState => ({
  ...{ family: name, alias: name, description: name, buildable: true, standing: "PASS", gates: [], services: [] },
  budget: { compressed: 45_000_000, uncompressed: 120_000_000 },
  before: [],
  ...more,
})

const below = layer("sha256:a", "RUN |2 A=b GPUS=8.6 8.9 /bin/sh -c /mnt/apt-get-install tini")
const text = sizesPage({
  families: [
    family("base", { release: release("base", [below]) }),
    family("web", {
      parent: "base",
      release: release("web", [
        below,
        layer("sha256:b", "RUN /bin/sh -c /mnt/uv-install /mnt/web.lock"),
        layer("sha256:c", "WORKDIR /app", 1536),
      ]),
    }),
    family("never-built", {}),
  ],
} as unknown as FleetState)

describe("the sizes of a fleet", () => {
  it("are told against the budgets, with the day on which they were measured", () => {
    expect(text).toContain("| base | 34.9 MB | 45.0 MB | 111.6 MB | 120.0 MB | 2026-11-22 |")
  })

  it("show commands without what was set for them", () => {
    expect(text).toContain("| `apt-get-install tini` |")
  })

  it("name the layers that a family adds, and neither its parent's nor those of next to nothing", () => {
    const [, web] = text.split("**web**, on base")
    expect(web).toContain("| `uv-install web.lock` | 10.0 MB | 20.0 MB |")
    expect(web).not.toContain("apt-get-install")
    expect(web).not.toContain("WORKDIR")
  })

  it("are silent about what was never built", () => {
    expect(text).not.toContain("never-built")
  })
})
