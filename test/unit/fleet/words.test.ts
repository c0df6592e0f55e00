import { describe, expect, it } from "vitest"
import { torchArch, torchArchList } from "../../../dagger/lib/fleet/arch.ts"
import { bytes, humanBytes } from "../../../dagger/lib/fleet/bytes.ts"
import { closest, snakeName } from "../../../dagger/lib/fleet/names.ts"
import { shown } from "../../../dagger/lib/fleet/shown.ts"

describe("sizes", () => {
  it.each([
    ["45 MB", 45_000_000],
    ["45MB", 45_000_000],
    ["2.1 GB", 2_100_000_000],
    ["512 MiB", 536_870_912],
    ["10 B", 10],
  ])("%s is %d bytes", (text, count) => expect(bytes(text)).toBe(count))

  it.each(["", "MB", "-1 MB", "1e3 MB", "45 mb", "45 MB ", "0x10 B", "99999999999 GB"])("%j is no size", (text) => {
    expect(bytes(text)).toBeNaN()
  })

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [45_000_000, "45 MB"],
    [2_100_000_000, "2.1 GB"],
    [3_000_000_000, "3 GB"],
    [999_999, "1 MB"],
    [61_234_567, "61 MB"],
    [9_960_000, "10 MB"],
  ])("%d bytes are shown as %s", (count, text) => expect(humanBytes(count)).toBe(text))
})

describe("GPU architectures", () => {
  it.each([
    ["89", "8.9"],
    ["8.9", "8.9"],
    ["86+PTX", "8.6+PTX"],
    ["90a", "9.0a"],
    ["120", "12.0"],
    ["Ampere", "Ampere"],
  ])("%s is %s in torch's spelling", (text, arch) => expect(torchArch(text)).toBe(arch))

  it("are listed with semicolons or spaces", () => {
    expect(torchArchList("89;86")).toEqual(["8.9", "8.6"])
    expect(torchArchList("8.9 8.6;")).toEqual(["8.9", "8.6"])
  })
})

describe("container names", () => {
  // The first three are the owner's own.
  it.each([
    ["ServiceRegistry", "service_registry"],
    ["ModelOpsCoordinator", "model_ops_coordinator"],
    ["TieredResponder", "tiered_responder"],
    ["NLUAgent", "nlu_agent"],
    ["CrossMachineGPUScheduler", "cross_machine_gpu_scheduler"],
    ["RealTimeAudioPipelinePC2", "real_time_audio_pipeline_pc2"],
    ["ObservabilityDashboardAPI", "observability_dashboard_api"],
    ["my-Service", "my_service"],
    ["Executor", "executor"],
  ])("%s is %s", (name, snake) => expect(snakeName(name)).toBe(snake))
})

describe("a near miss", () => {
  it.each([
    ["wbe", "web"],
    ["familyweb", "family-web"],
    ["FAMILY-WEB", "family-web"],
    ["torhc", "torch"],
  ])("%s is taken for %s", (name, meant) => {
    expect(closest(name, ["web", "family-web", "torch", "llm"])).toBe(meant)
  })

  it.each(["zebra", "x", ""])("%j is not", (name) =>
    expect(closest(name, ["web", "family-web", "torch"])).toBeUndefined(),
  )
})

describe("a value in a sentence", () => {
  it("stays on one line, is not too long and steers no terminal", () => {
    expect(shown("a\nb")).toBe('"a\\nb"')
    expect(shown("\u001b]0;x\u0007\u009b2J\u202e")).toBe('"\\u001b]0;x\\u0007\\u009b2J\\u202e"')
    expect(shown("x".repeat(100))).toBe(`"${"x".repeat(60)}…"`)
    expect([shown(null), shown([1]), shown({}), shown(7)]).toEqual(["nothing", "a list", "a map", "7"])
  })
})
