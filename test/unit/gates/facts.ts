import type { Engine } from "../../../dagger/lib/engine/engine.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import type { ContractFacts } from "../../../dagger/lib/gates/contract.ts"
import type { Looking, Rules, Subject } from "../../../dagger/lib/gates/gate.ts"
import type { Inside, Some } from "../../../dagger/lib/gates/inside.ts"
import { lookingAt } from "../../../dagger/lib/gates/look.ts"
import type { SizeFacts } from "../../../dagger/lib/gates/size.ts"
import type { SmokeFacts } from "../../../dagger/lib/gates/smoke.ts"

/** A fleet with a CPU line of three and a GPU line of three. */
export const fleet = parseFleet(`
schema: 1
name: test-fleet
registry: { host: ghcr.io, org: test }
epoch: 1763769600
bases:
  debian: { image: "debian:bookworm-slim", bootstrap: { suite: bookworm } }
families:
  base-python:
    alias: base
    description: Python
    dockerfile: dockerfiles/base-python.Dockerfile
    base: debian
    budget: { compressed: 45 MB, uncompressed: 120 MB }
  base-cpu:
    alias: cpu
    description: fastapi
    dockerfile: dockerfiles/base-cpu.Dockerfile
    parent: base-python
    lock: dockerfiles/requirements/base-cpu.lock
    packages: [fastapi]
    allow: { ports: [8000] }
    budget: { compressed: 65 MB, uncompressed: 190 MB }
  family-web:
    alias: web
    description: starlette
    dockerfile: dockerfiles/family-web.Dockerfile
    parent: base-cpu
    lock: dockerfiles/requirements/family-web.lock
    packages: [starlette]
    frozen: { starlette: "0.37.2" }
    budget: { compressed: 70 MB, uncompressed: 200 MB }
  base-gpu:
    alias: gpu
    description: shared by GPU families
    dockerfile: dockerfiles/base-gpu.Dockerfile
    parent: base-python
    gpu: true
    args: { TORCH_CUDA_ARCH_LIST: "89;86" }
    budget: { compressed: 200 MB, uncompressed: 600 MB }
  family-torch:
    alias: torch
    description: torch
    dockerfile: dockerfiles/family-torch.Dockerfile
    parent: base-gpu
    lock: dockerfiles/requirements/family-torch.lock
    frozen: { torch: "2.2.2" }
    packages: [torch]
    allow: { compilers: [/opt/venv/lib/python3.11/site-packages/triton] }
    budget: { compressed: 2.1 GB, uncompressed: 4.4 GB }
  family-llm:
    alias: llm
    description: transformers
    dockerfile: dockerfiles/family-llm.Dockerfile
    parent: family-torch
    budget: { compressed: 3 GB, uncompressed: 6 GB }
hosts:
  mainpc:
    address: mainpc
    user: fairlead
    gpu: { name: RTX 4090, arch: "8.9", driver: 535 }
    profile:
      GPU_VISIBLE_DEVICES: "0"
      TORCH_CUDA_ALLOC_CONF: max_split_size_mb:64
      OMP_NUM_THREADS: 16
      UVICORN_WORKERS: 32
      MODEL_EVICT_THRESHOLD_PCT: 90
apps:
  reference: { path: apps/reference, command: [python, /app/main.py], standIn: true }
services:
  ServiceRegistry: { family: family-web, hosts: [mainpc], needs: [cpu, web], port: 7200, healthPort: 8200 }
policy:
  image:
    user: "10001:10001"
    init: /usr/bin/tini
    entrypoint: /usr/local/bin/entrypoint
    healthPath: /health
    health: { intervalSeconds: 10, timeoutSeconds: 2, retries: 5 }
    stopSeconds: 10
    ingestUrl: http://observability:9007/ingest/image
  cache: { maxBytes: 20 GB, keepFree: 10 GB }
  registryCache: { maxAgeDays: 30 }
  advisories: { maxAgeDays: 7, severities: [HIGH, CRITICAL], ignoreUnfixed: true }
  risks: { maxDays: 90 }
  rollout:
    waves: [{ name: rest }]
    onFailure: fleet
    healthyProbes: 3
    healthySeconds: 120
    keepReleases: 5
`)

export const dockerfiles: Record<string, string> = {
  "dockerfiles/base-python.Dockerfile": `FROM debian
RUN apt-get update \\
 && apt-get install --no-install-recommends --yes python3 tini ca-certificates \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /tmp/*
RUN useradd --uid 10001 --gid 10001 app && chmod -R o-w /srv
RUN python3 -m venv --without-pip /opt/venv
COPY --chmod=0755 dockerfiles/entrypoint /usr/local/bin/entrypoint
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin
LABEL org.opencontainers.image.revision=$REVISION
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/entrypoint"]
`,
  "dockerfiles/base-cpu.Dockerfile": `FROM base-python
RUN uv pip sync base-cpu.lock
`,
  "dockerfiles/family-web.Dockerfile": `# the builder may have a compiler and be root
FROM debian AS wheels
USER root
RUN apt-get install --yes gcc

FROM base-cpu
RUN uv pip sync family-web.lock
`,
  "dockerfiles/base-gpu.Dockerfile": `FROM base-python
ENV TORCH_CUDA_ARCH_LIST="8.9;8.6"
`,
  "dockerfiles/family-torch.Dockerfile": `FROM base-gpu
RUN uv pip sync family-torch.lock
`,
  "dockerfiles/family-llm.Dockerfile": `FROM family-torch
`,
}

const hash = `--hash=sha256:${"a".repeat(64)}`

export const locks: Record<string, string> = {
  "dockerfiles/requirements/base-cpu.lock": `fastapi==0.110.0 \\\n    ${hash}\n    # via -r base-cpu.in\n`,
  "dockerfiles/requirements/family-web.lock": `fastapi==0.110.0 \\\n    ${hash}\nstarlette==0.37.2 \\\n    ${hash}\n`,
  "dockerfiles/requirements/family-torch.lock": `torch==2.2.2+cu121 \\\n    ${hash}\ntriton==2.2.0 ${hash}\nnvidia-cuda-runtime-cu12==12.1.105 ${hash}\n`,
}

export const rulesFor = (family: string, other: Partial<Rules> = {}): Rules => ({
  fleet,
  family,
  dockerfiles,
  locks,
  risks: [],
  now: new Date("2026-11-22T12:00:00Z"),
  ...other,
})

/** What a gate looks with when no look is shared and no advisory source is known. */
export const lookingOf = (subject: Subject, engine: Engine, rules: Partial<Rules> = {}): Looking =>
  lookingAt(subject, rulesFor(subject.family, rules), {
    engine,
    advisories: async () => ({
      database: { state: "none", why: "none in tests" },
      python: { state: "none", why: "none in tests" },
    }),
  })

const site = "/opt/venv/lib/python3.11/site-packages"

export const some = (...examples: string[]): Some => ({
  count: examples.length,
  bytes: 1000 * examples.length,
  examples,
})

export const installed = (name: string, version: string): Inside["distributions"][number] => ({
  name,
  version,
  location: site,
  files: 10,
  missing: some(),
  bytes: 1_000_000,
})

export const debian = (name: string, other: Partial<Inside["debian"][number]> = {}): Inside["debian"][number] => ({
  name,
  version: "1.0-1",
  bytes: 40_000,
  priority: "optional",
  essential: false,
  depends: [],
  provides: [],
  ...other,
})

/** A promised module that imports, or fails with this error. */
export const imported = (
  module: string,
  error: string | null = null,
  ...further: string[]
): Inside["imports"][number] => ({
  module,
  imported: error === null,
  error,
  further,
  file: error === null ? `${site}/${module}/__init__.py` : null,
  version: null,
  distribution: module,
})

const program = (path: string, version: string | null) => ({
  path,
  present: true,
  executable: true,
  ownedBy: 0,
  mode: "0755",
  sha256: "b".repeat(64),
  version,
})

const inside = (): Inside => ({
  schema: 1,
  python: {
    executable: "/opt/venv/bin/python",
    venv: true,
    systemSite: false,
    version: "3.11.2",
    path: ["/usr/lib/python3.11", site],
  },
  distributions: [],
  brokenMetadata: [],
  debian: [debian("tini", { version: "0.19.0-1" })],
  release: { id: "debian", codename: "bookworm" },
  accounts: [
    { name: "root", uid: 0, gid: 0, home: "/root", password: "locked" },
    { name: "app", uid: 10001, gid: 10001, home: "/home/app", password: "locked" },
  ],
  init: program("/usr/bin/tini", "tini version 0.19.0"),
  entrypoint: program("/usr/local/bin/entrypoint", null),
  certificates: { bundle: 142, packaged: 142, local: [] },
  profile: null,
  imports: [],
  libraries: {
    loader: "/lib64/ld-linux-x86-64.so.2",
    looked: 700,
    asked: 300,
    static: 0,
    foreign: 0,
    unseen: { count: 0, examples: [] },
    missing: [],
    outdated: [],
  },
  used: ["tini"],
  files: 5000,
  bytes: 100_000_000,
  setuid: [],
  capabilities: [],
  tools: [],
  headers: [],
  caches: [],
  bytecode: { ...some("/usr/lib/python3.11/__pycache__/os.cpython-311.pyc"), timestamped: some() },
  writable: { folders: some(), files: some() },
  gpuLibraries: some(),
  gpuCode: { libraries: [], unread: [] },
  secrets: [],
})

/** What a good image shows, with one thing broken. */
export function contractFacts(family: string, breaks: (facts: Broken) => void = () => {}): ContractFacts {
  const facts: Broken = {
    digest: `sha256:${"c".repeat(64)}`,
    config: {
      platform: "linux/amd64",
      user: "10001:10001",
      entrypoint: ["/usr/local/bin/entrypoint"],
      command: ["python"],
      env: { PATH: "/opt/venv/bin:/usr/local/bin:/usr/bin" },
      labels: {
        "org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
        "org.opencontainers.image.created": "2025-11-22T00:00:00Z",
        "org.opencontainers.image.base.digest": `sha256:${"d".repeat(64)}`,
      },
      ports: [],
      stopSignal: "",
    },
    inside: inside(),
  }
  const { inside: files, config } = facts
  if (family === "base-cpu" || family === "family-web") {
    files.distributions.push(installed("fastapi", "0.110.0"))
    files.imports.push(imported("fastapi"))
  }
  if (family === "family-web") {
    files.distributions.push(installed("starlette", "0.37.2"))
    files.imports.push(imported("starlette"))
  }
  if (family === "family-torch" || family === "family-llm") {
    config.env.TORCH_CUDA_ARCH_LIST = "8.9;8.6"
    files.distributions.push(installed("torch", "2.2.2+cu121"), installed("triton", "2.2.0"))
    files.tools.push({ path: `${site}/triton/common/../third_party/cuda/bin/ptxas`, kind: "compiler" })
    files.gpuLibraries = some(`${site}/torch/lib/libtorch_cuda.so`)
    files.distributions.push(installed("nvidia-cuda-runtime-cu12", "12.1.105"))
    files.gpuCode.libraries = [
      { path: `${site}/torch/lib/libtorch_cuda.so`, compiled: ["5.0", "8.0", "8.6", "9.0"], ptx: [] },
      { path: `${site}/nvidia/cudnn/lib/libcudnn.so.8`, compiled: ["7.0"], ptx: ["8.6"] },
    ]
    files.imports.push(imported("torch"))
  }
  breaks(facts)
  return facts
}

export type Broken = ContractFacts & { inside: Inside }

export const smokeFacts = (breaks: (facts: SmokeFacts) => void = () => {}): SmokeFacts => {
  const seen = { uids: [10001], gids: [10001], groups: [10001], capabilities: 0, noNewPrivileges: true }
  const facts: SmokeFacts = {
    schema: 1,
    digest: `sha256:${"c".repeat(64)}`,
    refused: null,
    health: { status: 200, body: '{"status":"ok"}', error: null },
    processes: [
      { pid: 1, program: "/usr/bin/tini", command: ["/usr/bin/tini", "--", "python", "/app/main.py"], ...seen },
      { pid: 7, program: "/usr/bin/python3.11", command: ["python", "/app/main.py"], ...seen },
    ],
    changed: ["A /app", "C /etc"],
    temporary: [],
    unreadable: null,
    exitCode: 0,
    killed: false,
    seconds: { unpack: 2.5, healthy: 0.41, stop: 0.1 },
    log: ["listening on 8100"],
  }
  breaks(facts)
  return facts
}

export const sizeFacts = (breaks: (facts: SizeFacts) => void = () => {}): SizeFacts => {
  const facts: SizeFacts = {
    digest: `sha256:${"c".repeat(64)}`,
    compressed: 38_600_000,
    uncompressed: 110_000_000,
    layers: [
      { digest: `sha256:${"1".repeat(64)}`, compressed: 28_000_000, uncompressed: 77_000_000, madeBy: "the base" },
      {
        digest: `sha256:${"2".repeat(64)}`,
        compressed: 10_600_000,
        uncompressed: 33_000_000,
        madeBy: "RUN apt-get install python3",
      },
    ],
    packages: [{ name: "libpython3.11-stdlib", version: "3.11.2-6", kind: "debian", bytes: 8_200_000 }],
    packageCount: 90,
  }
  breaks(facts)
  return facts
}
