import { describe, expect, it } from "vitest"
import { rolloutText } from "../../../dagger/lib/report/rollout.ts"
import {
  type RolloutReport,
  rolloutReportSchema,
  type ServiceState,
} from "../../../dagger/lib/rollout/deploy/report.ts"

const digest = `sha256:${"a".repeat(64)}`
const report = (states: ServiceState[], more: Partial<RolloutReport>): RolloutReport =>
  rolloutReportSchema.parse({
    ...{ schema: 1, verdict: "FAIL", run: "7f3a2b", plan: "6cb10853", yard: "demo", failures: [] },
    hosts: [{ host: "pc2", services: states.map((state, index) => ({ service: `S${index}`, to: digest, state })) }],
    ...{ rolledBack: true, policy: "fleet", notes: [], exitCode: 4, seconds: 12 },
    ...more,
  })

describe("how a rollout ended", () => {
  it.each<[ServiceState[], string]>([
    [["removed"], "failed (fleet policy): 1 service is removed again, with nothing to go back to, in 12"],
    [
      ["rolledBack", "rolledBack", "removed"],
      "2 services are taken back and healthy; 1 service is removed again, with nothing to go back to, in",
    ],
    [["rolledBack", "healthy", "unchanged"], "1 service is taken back and healthy; 1 service is new and healthy, in"],
    [["rolledBack", "planned", "pulled"], "1 service is taken back and healthy; 2 services are not begun, in"],
  ])("%j", (states, says) => {
    expect(rolloutText(report(states, {}))).toContain(says)
  })

  it("tells what was kept, and where its log is", () => {
    const failures = [{ host: "pc2", service: "S0", reason: "no answer", lines: ["last words"], kept: "s0-7f3a2b" }]
    const text = rolloutText(report(["rolledBack"], { failures }))
    expect(text).toContain("S0 on pc2: no answer")
    expect(text).toContain("…last words")
    expect(text).toContain("docker logs s0-7f3a2b")
  })
})
