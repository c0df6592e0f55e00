import { describe, expect, it } from "vitest"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import { type HostShell, HostUnreachable } from "../../../dagger/lib/rollout/host/shell.ts"
import { atLeast, type Wanted } from "../../../dagger/lib/rollout/preflight/check.ts"
import type { DockerFacts, HostFacts } from "../../../dagger/lib/rollout/preflight/facts.ts"
import { exitCodeOf, judgeHost, preflight } from "../../../dagger/lib/rollout/preflight/preflight.ts"
import { wantedOf } from "../../../dagger/lib/rollout/preflight/wanted.ts"
import { changed } from "../fleet/small.ts"

const apps = "apps:\n"
const fleet = parseFleet(
  changed(
    "[gpu, llm], port",
    "[gpu, llm, audio], app: real, port",
    apps,
    `${apps}  real: { path: apps/real, command: [python, main.py] }\n`,
  ),
)
const registry = { host: "ghcr.io", loopback: false }
const wanted = wantedOf(fleet, "one", { records: {}, registry })

const dockerFacts: DockerFacts = {
  ...{ version: "26.1.5+dfsg1", compose: "2.26.1-4", store: "containerd" as const },
  ...{ images: [], containers: [], back: [], deployed: [] },
}
const healthy: HostFacts = {
  ...{
    user: "me",
    endsWithLogin: false,
    wsl: false,
    demo: false,
    login: true,
    sound: ["snd"],
    listens: [22],
    registry: 401,
  },
  docker: dockerFacts,
  disk: { folder: "/var/lib/docker", freeBytes: 500e9 },
  gpus: [{ driver: "550.90", name: "NVIDIA GeForce RTX 4090" }],
  toolkit: "nvidia-ctk",
  clock: { leastSeconds: -0.4, mostSeconds: 0.7 },
}

const answer = (check: string, facts: Partial<HostFacts> = {}, want: Partial<Wanted> = {}) => {
  const found = judgeHost({ ...healthy, ...facts }, { ...wanted, ...want }).find((each) => each.check === check)
  return found && [found.state, `${found.evidence}${found.fix ? ` | ${found.fix}` : ""}`]
}
const docker = (more: Partial<DockerFacts>) => ({ docker: { ...dockerFacts, ...more } })
const says = (state: string, ...words: string[]) => [state, expect.stringMatching(words.join(".*"))]

describe("a healthy host", () => {
  it("passes everything that can be looked at, and says what cannot", () => {
    expect(judgeHost(healthy, wanted).map(({ check, state }) => `${check} ${state}`)).toEqual([
      ...["docker ok", "compose ok", "driver ok", "cuda unknown", "disk ok", "clock ok", "registry ok", "audio ok"],
      ...["ports ok", "rollback ok"],
    ])
  })

  it("is not asked for a GPU or sound that no service of it needs", () => {
    const services = wanted.services.filter(({ name }) => name === "FirstService")
    const checks = judgeHost(healthy, { ...wanted, services }).map(({ check }) => check)
    expect(checks).not.toEqual(expect.arrayContaining(["driver"]))
    expect(checks).not.toEqual(expect.arrayContaining(["audio"]))
  })
})

describe("docker", () => {
  it.each([
    [{ error: "permission denied while trying to connect to the Docker daemon socket" }, "me may not.*usermod"],
    [{ error: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock" }, "does not answer.*systemctl"],
    [{ error: "there is no docker command" }, "no docker command.*install"],
    [{ ...dockerFacts, version: "20.10.24" }, "20.10.24.*zstd.*gzip"],
  ])("fails with what to do: %j", (facts, told) => {
    expect(answer("docker", { docker: facts })).toEqual(says("failed", told))
  })

  it("leaves open what only Docker could tell", () => {
    const facts = { docker: { error: "gone" }, disk: undefined }
    for (const check of ["compose", "disk", "ports", "rollback"]) expect(answer(check, facts)?.[0]).toBe("unknown")
  })

  it("wants a Compose plugin of 2.20 or newer", () => {
    expect(answer("compose", docker({ compose: "2.3.3" }))).toEqual(says("failed", "2.3.3 is older than 2.20"))
    expect(answer("compose", docker({ compose: undefined }))).toEqual(says("failed", "no Compose plugin"))
  })
})

describe("driver and cuda", () => {
  it("compares versions by number", () => {
    expect(["535.54", "535", "1000.1", "5.1", "534.999"].map((each) => atLeast(each, "535"))).toEqual([
      ...[true, true, true, false, false],
    ])
  })

  it("fails an older driver, or none", () => {
    expect(answer("driver", { gpus: [{ driver: "525.60", name: "RTX" }] })).toEqual(says("failed", "525.60", "535"))
    expect(answer("driver", { gpus: { error: "there is no nvidia-smi command" } })).toEqual(
      says("failed", "no nvidia-smi", "install"),
    )
  })

  it("fails the oldest of several", () => {
    const gpus = ["550.1", "470.2"].map((driver) => ({ driver, name: "RTX" }))
    expect(answer("driver", { gpus })?.[0]).toBe("failed")
  })

  it("tells a stand-in, and takes none for a GPU", () => {
    expect(answer("driver", { demo: true })).toEqual(says("ok", "a stand-in: there is no GPU"))
    expect(answer("cuda", { demo: true })).toEqual(says("unknown", "no GPU"))
  })

  it("takes WSL2's nvidia-smi for Windows' driver, and a call in a container for the GPU", () => {
    expect(answer("driver", { wsl: true })).toEqual(says("ok", "Windows' driver"))
    expect(answer("cuda")).toEqual(says("unknown", "not tried: no image", "nvidia-ctk is there", "once something"))
    expect(answer("cuda", { cuda: { gpus: "RTX 4090 (sm_89)" } })).toEqual(says("ok", "uses RTX 4090 \\(sm_89\\)"))
    expect(answer("cuda", { cuda: { error: "cuInit answered CUDA_ERROR_NO_DEVICE (100)" } })).toEqual(
      says("failed", "cannot use the GPU: cuInit", "nvidia-container-toolkit"),
    )
  })
})

describe("logins", () => {
  it("fails where systemd would end what a cut connection leaves, and is not told elsewhere", () => {
    expect(answer("logins")).toBeUndefined()
    expect(answer("logins", { endsWithLogin: true })).toEqual(
      says("failed", "KillUserProcesses=yes", "KillExcludeUsers=root me"),
    )
  })
})

describe("disk", () => {
  const layer = (name: string, size: number) => ({
    ...{ digest: `sha256:${name.repeat(64)}`, compressed: size, uncompressed: 2 * size },
  })
  const image = (name: string, ...layers: ReturnType<typeof layer>[]) => ({
    ...{ name, budget: { compressed: 1e9, uncompressed: 3e9 } },
    known: { digest: `sha256:${name.repeat(64)}`, layers },
  })
  const images = [image("1", layer("a", 2e9)), image("2", layer("a", 2e9), layer("b", 1e9))]
  const withFree = (freeBytes: number) => ({ disk: { folder: "/d", freeBytes } })

  it("counts a shared layer once, compressed as well in the containerd store, and a margin", () => {
    // 3 × (2 + 1) GB, a fifth more, and 1 GB that stays free.
    expect(answer("disk", withFree(11.79e9), { images })).toEqual(says("failed", "11.8 GB wanted: 9.0 GB to pull"))
    expect(answer("disk", withFree(11.8e9), { images })?.[0]).toBe("ok")
    expect(answer("disk", { ...withFree(8.3e9), ...docker({ store: "classic" }) }, { images })?.[0]).toBe("ok")
  })

  it("does not count what is there already", () => {
    const there = { ...withFree(4.7e9), ...docker({ images: [images[0]!.known.digest] }) }
    expect(answer("disk", there, { images })?.[0]).toBe("ok")
    expect(answer("disk", { ...there, ...withFree(4.5e9) }, { images })?.[0]).toBe("failed")
  })

  it("takes the budget of an image without a record, and does not call it ok where that would not fit", () => {
    const unrecorded = [{ ...images[0]!, known: undefined }]
    expect(answer("disk", withFree(6e9), { images: unrecorded })).toEqual(says("ok", "no record", "budgets fit"))
    expect(answer("disk", withFree(5e9), { images: unrecorded })).toEqual(says("unknown", "would not fit"))
    expect(answer("disk", withFree(1e6), { images: unrecorded })?.[0]).toBe("failed")
  })

  it("knows layers from records", () => {
    const size = { layers: [layer("c", 5)] }
    const record = { digest: `sha256:${"d".repeat(64)}`, gates: { size: { facts: size } } } as unknown as ImageRecord
    const known = wantedOf(fleet, "one", { records: { "stand-in-p": record }, registry }).images
    expect(known.find(({ name }) => name === "stand-in-p")?.known).toEqual({
      digest: record.digest,
      layers: size.layers,
    })
  })
})

describe("clock", () => {
  it.each([
    [{ leastSeconds: 86_399.2, mostSeconds: 86_400.5 }, "failed", "\\+86399 s"],
    [{ leastSeconds: -3601, mostSeconds: -3600 }, "failed", "-3600 s"],
    [{ leastSeconds: 29, mostSeconds: 31 }, "ok", "\\+29 s"],
    [{ leastSeconds: -40, mostSeconds: 1 }, "ok", "as here"],
  ])("%j: %s", (clock, state, told) => {
    expect(answer("clock", { clock })).toEqual(says(state, told))
  })
})

describe("registry", () => {
  it.each([
    [{ registry: 0 }, "failed", "cannot be reached"],
    [{ registry: 404 }, "failed", "no registry"],
    [{ registry: 401, login: false }, "unknown", "not logged in.*docker login ghcr.io"],
    [{ registry: undefined }, "unknown", "neither curl nor python3"],
  ] as const)("%j: %s", (facts, state, told) => {
    expect(answer("registry", facts)).toEqual(says(state, told))
  })

  it.each([
    [{ status: 200 }, "ok", "answers 200"],
    [{ status: 0, plain: 0 }, "unknown", "cannot be reached from there.*deploy goes on without it"],
    [{ status: 0, plain: 200 }, "unknown", "without TLS only.*insecure-registries"],
    [{ status: 502 }, "unknown", "answers 502.*no registry"],
    [{}, "unknown", "neither curl nor python3"],
  ] as const)("nearby, %j: %s", (mirror, state, told) => {
    const host = { ...wanted.host, mirror: "mainpc.lan:5001" }
    expect(answer("mirror", { mirror }, { host })).toEqual(says(state, told))
    expect(answer("mirror", { mirror })).toBeUndefined()
  })

  it("nearby is taken without TLS on the host itself", () => {
    const host = { ...wanted.host, mirror: "127.0.0.1:5001" }
    expect(answer("mirror", { mirror: { status: 0, plain: 200 } }, { host })).toEqual(says("ok", "answers 200"))
  })

  it("says of this machine's own that hosts reach it by a tunnel", () => {
    const own = { host: "127.0.0.1:5000", loopback: true }
    expect(answer("registry", {}, { registry: { ...own, answers: true } })).toEqual(says("ok", "tunnel, not tried"))
    expect(answer("registry", {}, { registry: { ...own, answers: false } })).toEqual(says("failed", "does not answer"))
    const tried = (way: HostFacts["way"]) => answer("registry", { way }, { registry: { ...own, answers: true } })
    expect(tried({ open: true })).toEqual(says("ok", "can be given a tunnel"))
    expect(tried({ open: false, why: "remote port forwarding failed" })).toEqual(
      says("failed", "cannot be given a tunnel to it: remote port forwarding failed", "AllowTcpForwarding"),
    )
  })
})

describe("audio", () => {
  it("fails without a device where code needs one, and leaves a stand-in alone", () => {
    expect(answer("audio", { sound: [] })).toEqual(says("failed", "ModelService need sound"))
    expect(answer("audio", { sound: [], wsl: true })).toEqual(says("failed", "wsl --update"))
    const services = wanted.services.map((each) => ({ ...each, standIn: true }))
    expect(answer("audio", { sound: [] }, { services })).toEqual(says("unknown", "stand-in"))
    expect(answer("audio", { sound: ["pulse"] })).toEqual(says("ok", "PulseServer"))
  })
})

describe("ports", () => {
  const container = { name: "web", state: "running", ports: [7001], fleet: "small", service: "FirstService" }

  it("are ours where our own container of that service holds them", () => {
    const held = { ...docker({ containers: [container] }), listens: [7001] }
    expect(answer("ports", held)).toEqual(says("ok", "1 held by our own"))
  })

  it.each([
    ["another program", { listens: [7001] }, "7001 of FirstService by a program outside of Docker"],
    ["another fleet", docker({ containers: [{ ...container, fleet: "other" }] }), "by the container web"],
    ["another service", docker({ containers: [{ ...container, service: "ModelService" }] }), "by the container web"],
  ])("are taken by %s", (_, facts, told) => {
    expect(answer("ports", facts)).toEqual(says("failed", told))
  })
})

describe("rollback", () => {
  it("has none where nothing was deployed, and fails where the way back is gone", () => {
    expect(answer("rollback")).toEqual(says("ok", "none yet"))
    const back = [{ service: "FirstService", image: "sha256:1", ref: "small/x:1", present: true }]
    expect(answer("rollback", docker({ back }))).toEqual(says("ok", "all 1 containers"))
    const gone = [{ ...back[0]!, present: false }]
    expect(answer("rollback", docker({ back: gone }))).toEqual(says("failed", "image of FirstService", "no way back"))
  })

  it("takes what the registry still has for a way back, and what it has no more for none", () => {
    const ref = `127.0.0.1:5000/small/web@sha256:${"a".repeat(64)}`
    const deployed = [{ ref, present: false }]
    expect(answer("rollback", docker({ deployed }))).toEqual(says("failed", "web@aaaaaaaaaaaa"))
    expect(answer("rollback", docker({ deployed: [{ ...deployed[0]!, pullable: false }] }))?.[0]).toBe("failed")
    expect(answer("rollback", docker({ deployed: [{ ...deployed[0]!, pullable: true }] }))).toEqual(
      says("ok", "1 of their images are not there, and the registry has them still"),
    )
  })
})

describe("preflight", () => {
  it("tells a host that cannot be asked beside the others, and answers 3", async () => {
    const shell: HostShell = {
      run: async (host) => {
        throw new HostUnreachable(host, "network", "nobody answers", { fix: "switch it on" })
      },
    }
    const hosts = await preflight(shell, [wanted])
    expect(hosts).toEqual([
      { host: "one", problem: { reason: "network", message: expect.stringContaining("switch it on") }, checks: [] },
    ])
    expect(exitCodeOf(hosts)).toBe(3)
  })

  it("answers 1 for what failed, 0 where the rest is only unknown", () => {
    const report = (state: "failed" | "unknown") => [{ host: "one", checks: [{ check: "x", state, evidence: "" }] }]
    expect([exitCodeOf(report("failed")), exitCodeOf(report("unknown"))]).toEqual([1, 0])
  })
})
