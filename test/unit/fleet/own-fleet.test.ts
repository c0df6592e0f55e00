import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import {
  buildOrder,
  inheritedArgs,
  inheritedFrozen,
  lineage,
  servicesOf,
  usesGpu,
} from "../../../dagger/lib/fleet/hierarchy.ts"
import { loadFleet } from "../../../dagger/lib/fleet/load.ts"
import { appOf } from "../../../dagger/lib/fleet/named.ts"
import { wavesOf } from "../../../dagger/lib/fleet/waves.ts"

// What the owner froze, against the fleet.yaml that stands in this repository.
const fleet = await loadFleet(fileURLToPath(new URL("../../..", import.meta.url)))
const rows = readFileSync(new URL("fleet.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)

describe("services", () => {
  it("are the owner's 64, in the owner's order", () => {
    const written = Object.entries(fleet.services).map(([name, { hosts, needs, family, port, healthPort }]) =>
      [name, hosts.join(","), needs.join(","), family, port, healthPort].join("\t"),
    )
    expect(written).toHaveLength(64)
    expect(written).toEqual(rows)
  })

  it("run the stand-in as long as none names code of its own", () => {
    expect(Object.keys(fleet.services).map((name) => appOf(fleet, name).standIn)).not.toContain(false)
    expect(appOf(fleet, "NLUAgent").path).toBe("apps/reference")
  })

  it("roll out in the owner's order: core, GPU on mainpc, CPU on pc2, the rest", () => {
    const waves = new Map(wavesOf(fleet).map(({ name, instances }) => [name, instances]))
    expect([...waves.keys()]).toEqual(["core", "mainpc-gpu", "pc2-cpu", "rest"])
    expect(new Set(waves.get("core")?.map(({ service }) => service.name))).toEqual(
      new Set([
        "ServiceRegistry",
        "SystemDigitalTwin",
        "UnifiedSystemAgent",
        "UnifiedObservabilityCenter",
        "CentralErrorBus",
      ]),
    )
    expect(waves.get("core")).toHaveLength(6)
    expect(waves.get("mainpc-gpu")?.every(({ service, host }) => host === "mainpc" && service.gpus === 1)).toBe(true)
    expect(waves.get("mainpc-gpu")).toHaveLength(18)
    expect(waves.get("pc2-cpu")?.every(({ service, host }) => host === "pc2" && service.gpus === 0)).toBe(true)
    expect([...waves.values()].flat()).toHaveLength(67)
  })
})

describe("families", () => {
  it("stand on each other as the blueprint draws them", () => {
    const lines = Object.keys(fleet.families).map((name) =>
      lineage(fleet, name)
        .map((each) => each.name)
        .join(" ← "),
    )
    expect(lines).toEqual([
      "base-python",
      "base-python ← base-utils",
      "base-python ← base-utils ← base-cpu-pydeps",
      "base-python ← base-utils ← base-cpu-pydeps ← family-web",
      "base-python ← base-utils ← base-gpu-cu121",
      "base-python ← base-utils ← base-gpu-cu121 ← family-torch-cu121",
      "base-python ← base-utils ← base-gpu-cu121 ← family-vision-cu121",
      "base-python ← base-utils ← base-gpu-cu121 ← family-torch-cu121 ← family-llm-cu121",
      "legacy-py310-cpu",
    ])
  })

  it("answer to the owner's aliases", () => {
    expect(Object.values(fleet.families).map(({ alias }) => alias)).toEqual([
      "base",
      "utils",
      "cpu",
      "web",
      "gpu",
      "torch",
      "vision",
      "llm",
      "legacy",
    ])
    expect(buildOrder(fleet, ["web"]).map(({ name }) => name)).toEqual([
      "base-python",
      "base-utils",
      "base-cpu-pydeps",
      "family-web",
    ])
  })

  it("freeze torch 2.2.2 and its companions, for llm too", () => {
    const frozen = { torch: "2.2.2", torchvision: "0.17.2", torchaudio: "2.2.2" }
    expect(inheritedFrozen(fleet, "torch")).toEqual(frozen)
    expect(inheritedFrozen(fleet, "llm")).toEqual(frozen)
    expect(inheritedArgs(fleet, "llm").TORCH_CUDA_ARCH_LIST).toBe("8.9;8.6")
  })

  it("use a GPU exactly below base-gpu-cu121", () => {
    const gpu = Object.keys(fleet.families).filter((name) => usesGpu(fleet, name))
    expect(gpu).toEqual(["base-gpu-cu121", "family-torch-cu121", "family-vision-cu121", "family-llm-cu121"])
  })

  it("have Python 3.11, but for legacy, whose end of life is said (R2)", () => {
    const old = Object.entries(fleet.families).filter(([, { python }]) => python !== "3.11")
    expect(old.map(([name, { python, endOfLife }]) => [name, python, endOfLife])).toEqual([
      ["legacy-py310-cpu", "3.10", "2026-10-31"],
    ])
    expect(servicesOf(fleet, "legacy")).toHaveLength(5)
  })

  it("keep to the budgets that a release is held to", () => {
    expect(fleet.families["base-python"]?.budget).toEqual({ compressed: 45e6, uncompressed: 120e6 })
    expect(fleet.families["family-web"]?.budget.compressed).toBe(70e6)
  })
})

describe("hosts and policy", () => {
  it("have the blueprint's GPUs, driver (R1) and machine profiles", () => {
    expect(fleet.hosts.mainpc).toMatchObject({
      platform: "linux/amd64",
      gpu: { name: "RTX 4090", arch: "8.9", driver: 535 },
      profile: {
        GPU_VISIBLE_DEVICES: "0",
        TORCH_CUDA_ALLOC_CONF: "max_split_size_mb:64",
        OMP_NUM_THREADS: 16,
        UVICORN_WORKERS: 32,
        MODEL_EVICT_THRESHOLD_PCT: 90,
      },
    })
    expect(fleet.hosts.pc2).toMatchObject({
      platform: "linux/amd64",
      gpu: { name: "RTX 3060", arch: "8.6", driver: 535 },
      profile: {
        GPU_VISIBLE_DEVICES: "0",
        TORCH_CUDA_ALLOC_CONF: "max_split_size_mb:32",
        OMP_NUM_THREADS: 4,
        UVICORN_WORKERS: 8,
        MODEL_EVICT_THRESHOLD_PCT: 70,
      },
    })
  })

  it("invent no host keys", () => {
    expect(Object.values(fleet.hosts).map(({ hostKey }) => hostKey)).toEqual([undefined, undefined])
  })

  it("have the blueprint's user, init, health check and start-up report", () => {
    expect(fleet.policy.image).toMatchObject({
      user: "10001:10001",
      init: "/usr/bin/tini",
      healthPath: "/health",
      health: { intervalSeconds: 10, timeoutSeconds: 2, retries: 5 },
      stopSeconds: 10,
      ingestUrl: "http://observability:9007/ingest/image",
    })
    expect(fleet.policy.advisories).toEqual({ maxAgeDays: 7, severities: ["HIGH", "CRITICAL"], ignoreUnfixed: true })
    expect(fleet.registry.host).toBe("ghcr.io")
    expect(new Date(fleet.epoch * 1000).toISOString()).toBe("2025-11-22T00:00:00.000Z")
  })
})
