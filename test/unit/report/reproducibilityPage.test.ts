import { describe, expect, it } from "vitest"
import { reproducibilityPage } from "../../../dagger/lib/report/reproducibilityPage.ts"
import type { FamilyState, FleetState } from "../../../dagger/lib/report/state.ts"
import type { Reproduction } from "../../../dagger/lib/reproduce/answer.ts"

const [one, other] = [`sha256:${"1".repeat(64)}`, `sha256:${"2".repeat(64)}`]
const again = (more: Partial<Reproduction>): Reproduction => ({
  ...{ schema: 1, family: "x", fingerprint: "f", released: one, rebuilt: one, same: true },
  ...{ seconds: 83, at: "2026-11-23T05:00:00Z" },
  ...more,
})
const family = (name: string, more: object): FamilyState =>
  ({ family: name, buildable: true, before: [], gates: [], services: [], release: { digest: one }, ...more }) as never

const text = reproducibilityPage({
  families: [
    family("base", { reproduction: again({}) }),
    family("web", {
      reproduction: again({ rebuilt: other, same: false, difference: "usr/x|y in layer 2: size" }),
    }),
    family("moved", { release: { digest: other }, reproduction: again({}) }),
    family("waiting", {}),
    family("never", { release: undefined }),
    family("an-app", { app: "reference", reproduction: again({}) }),
    family("planned", { buildable: false }),
  ],
} as unknown as FleetState)

describe("the table of what reproduces", () => {
  it("counts the families that came out the same, and names each with both digests, its seconds and the day", () => {
    expect(text.split("\n").filter((each) => !each.includes("---"))).toEqual([
      "2 of 5 families are known to reproduce.",
      "",
      "| family | released | rebuilt | outcome | its own steps | on |",
      "| base | `sha256:111111111111` | `sha256:111111111111` | the same | 1 m 23 s | 2026-11-23 |",
      "| web | `sha256:111111111111` | `sha256:222222222222` | differs: usr/x/y in layer 2: size | 1 m 23 s | 2026-11-23 |",
      "| moved | `sha256:111111111111` | `sha256:111111111111` | the same; built anew since then | 1 m 23 s | 2026-11-23 |",
      "| waiting |  |  | not tried |  |  |",
      "| never |  |  | not released from here |  |  |",
    ])
  })
})
