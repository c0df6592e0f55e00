import { describe, expect, it } from "vitest"
import { wantedOf } from "../../../dagger/lib/gates/blueprint/fact.ts"
import { factsOf } from "../../../dagger/lib/gates/blueprint/table.ts"
import { contract } from "../../../dagger/lib/gates/contract.ts"
import type { Rules } from "../../../dagger/lib/gates/gate.ts"
import { type Broken, contractFacts, debian, dockerfiles, imported, installed, locks, rulesFor, some } from "./facts.ts"

const site = "/opt/venv/lib/python3.11/site-packages"

interface Case {
  /** The fact that has to be named. */
  fact: string
  family?: string
  breaks: (facts: Broken) => void
  what: string
  where?: string
  rules?: Partial<Rules>
}

const withDockerfile = (name: string, text: string): Partial<Rules> => ({
  dockerfiles: { ...dockerfiles, [`dockerfiles/${name}.Dockerfile`]: text },
})
const withLock = (name: string, text: string): Partial<Rules> => ({
  locks: { ...locks, [`dockerfiles/requirements/${name}.lock`]: text },
})

const cases: Case[] = [
  {
    fact: "platform",
    breaks: ({ config }) => (config.platform = "linux/arm64"),
    what: "platform: image is for linux/arm64, both hosts are linux/amd64",
  },
  {
    fact: "user",
    breaks: ({ config }) => (config.user = "root"),
    what: "user: image runs as root (0:0), the blueprint wants 10001:10001",
    where: "set by dockerfiles/family-web.Dockerfile:3  USER root",
    rules: withDockerfile("family-web", "FROM base-cpu\nRUN true\nUSER root\n"),
  },
  {
    fact: "entrypoint",
    breaks: ({ config }) => (config.entrypoint = ["/bin/sh", "-c", "python"]),
    what: "entrypoint: image starts with /bin/sh -c python, the blueprint wants /usr/local/bin/entrypoint",
    where: 'set by dockerfiles/base-python.Dockerfile:11  ENTRYPOINT ["/usr/local/bin/entrypoint"]',
  },
  {
    fact: "stop signal",
    breaks: ({ config }) => (config.stopSignal = "SIGKILL"),
    what: "stop signal: image wants SIGKILL, hosts send SIGTERM",
    where: "set by dockerfiles/family-web.Dockerfile:2  STOPSIGNAL SIGKILL",
    rules: withDockerfile("family-web", "FROM base-cpu\nSTOPSIGNAL SIGKILL\n"),
  },
  {
    fact: "ports",
    breaks: ({ config }) => (config.ports = ["8000/tcp", "9999/tcp"]),
    what: "ports: image exposes 9999/tcp, the blueprint allows 8000",
    where: "set by dockerfiles/family-web.Dockerfile:2  EXPOSE 8000 9999",
    rules: withDockerfile("family-web", "FROM base-cpu\nEXPOSE 8000 9999\n"),
  },
  {
    fact: "path",
    breaks: ({ config }) => (config.env.PATH = "/usr/bin:/opt/venv/bin"),
    what: 'path: "python" is not the one in /opt/venv: PATH begins with /usr/bin',
    where: "set by dockerfiles/base-python.Dockerfile:8  ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin",
  },
  {
    fact: "secrets in env",
    breaks: ({ config }) => (config.env.HF_TOKEN = "(not shown)"),
    what: "secrets in env: image carries a value for HF_TOKEN, for everyone who can pull it",
    where: "set by dockerfiles/family-web.Dockerfile:2  ENV HF_TOKEN=$TOKEN",
    rules: withDockerfile("family-web", "FROM base-cpu\nENV HF_TOKEN=$TOKEN\n"),
  },
  {
    fact: "init",
    breaks: ({ inside }) => Object.assign(inside.init, { present: false, executable: false, version: null }),
    what: "init: /usr/bin/tini is not in the image, so nothing can be PID 1 and pass signals on",
    where:
      "set by dockerfiles/base-python.Dockerfile:3  && apt-get install --no-install-recommends --yes python3 tini ca-certificates",
  },
  {
    fact: "entrypoint file",
    breaks: ({ inside }) => Object.assign(inside.entrypoint, { executable: false, mode: "0644" }),
    what: "entrypoint file: /usr/local/bin/entrypoint is not executable for everyone (mode 0644)",
    where:
      "set by dockerfiles/base-python.Dockerfile:7  COPY --chmod=0755 dockerfiles/entrypoint /usr/local/bin/entrypoint",
  },
  {
    fact: "label revision",
    breaks: ({ config }) => (config.labels["org.opencontainers.image.revision"] = "main"),
    what: 'label revision: org.opencontainers.image.revision is "main", not the commit of its inputs',
    where: "set by dockerfiles/base-python.Dockerfile:9  LABEL org.opencontainers.image.revision=$REVISION",
  },
  {
    fact: "label created",
    breaks: ({ config }) => delete config.labels["org.opencontainers.image.created"],
    what: "label created: org.opencontainers.image.created is not set",
  },
  {
    fact: "label base.digest",
    breaks: ({ config }) => (config.labels["org.opencontainers.image.base.digest"] = "sha256:abc"),
    what: 'label base.digest: org.opencontainers.image.base.digest is "sha256:abc", not the digest of what it stands on',
  },
  {
    fact: "base",
    breaks: ({ inside }) => (inside.release.codename = "trixie"),
    what: "base: image stands on debian trixie, the blueprint wants debian bookworm",
  },
  {
    fact: "python",
    breaks: ({ inside }) => (inside.python.version = "3.10.12"),
    what: "python: image has Python 3.10.12, the blueprint wants 3.11",
  },
  {
    fact: "isolated",
    breaks: ({ inside }) => inside.python.path.push("/usr/lib/python3/dist-packages"),
    what: "isolated: Python in /opt/venv also sees /usr/lib/python3/dist-packages, which no lock names",
    where: "set by dockerfiles/base-python.Dockerfile:6  RUN python3 -m venv --without-pip /opt/venv",
  },
  {
    fact: "whole packages",
    breaks: ({ inside }) => (inside.distributions[0]!.missing = some(`${site}/fastapi/__init__.py`)),
    what: `whole packages: installed in name only: fastapi (${site}/fastapi/__init__.py)`,
  },
  {
    fact: "one of each",
    breaks: ({ inside }) => inside.distributions.push(installed("FastAPI", "0.110.0")),
    what: "one of each: installed twice: fastapi 0.110.0 and 0.110.0",
  },
  {
    fact: "locked",
    breaks: ({ inside }) => inside.distributions.push(installed("left_pad", "1.0")),
    what: "locked: no lock names left-pad 1.0",
    where: "set by dockerfiles/family-web.Dockerfile:7  RUN uv pip sync family-web.lock",
  },
  {
    fact: "lock family-web.lock",
    breaks: () => {},
    what: "lock family-web.lock: starlette==0.37.2 has no hash that holds",
    where: "set by dockerfiles/requirements/family-web.lock:2  starlette==0.37.2",
    rules: withLock("family-web", `fastapi==0.110.0 --hash=sha256:${"a".repeat(64)}\nstarlette==0.37.2\n`),
  },
  {
    fact: "lock base-cpu.lock",
    breaks: () => {},
    what: 'lock base-cpu.lock: "fastapi>=0.110.0" is not pinned with ==',
    where: "set by dockerfiles/requirements/base-cpu.lock:1  fastapi>=0.110.0",
    rules: withLock("base-cpu", "fastapi>=0.110.0\n"),
  },
  {
    fact: "frozen starlette",
    breaks: ({ inside }) => inside.distributions.pop(),
    what: "frozen starlette: starlette is not installed, the blueprint wants 0.37.2",
    where: "set by dockerfiles/requirements/family-web.lock:3  starlette==0.37.2",
  },
  {
    fact: "frozen elsewhere",
    breaks: ({ inside }) => inside.distributions.push(installed("torch", "2.3.1")),
    what: "frozen elsewhere: not as frozen: torch 2.3.1 (family-torch freezes 2.2.2)",
    where: "set by dockerfiles/requirements/family-web.lock:3  torch==2.3.1",
    rules: withLock(
      "family-web",
      `fastapi==0.110.0 --hash=sha256:${"a".repeat(64)}\nstarlette==0.37.2 --hash=sha256:${"a".repeat(64)}\ntorch==2.3.1 --hash=sha256:${"a".repeat(64)}\n`,
    ),
  },
  {
    fact: "import fastapi",
    breaks: ({ inside }) =>
      (inside.imports[0] = imported("fastapi", "ModuleNotFoundError: No module named 'pydantic'")),
    what: "import fastapi: fastapi does not import: ModuleNotFoundError: No module named 'pydantic'",
  },
  {
    fact: "import starlette",
    breaks: ({ inside }) => inside.imports.pop(),
    what: "import starlette: starlette does not import: nobody tried",
  },
  {
    fact: "account",
    breaks: ({ inside }) => inside.accounts.pop(),
    what: "account: /etc/passwd has no user 10001",
    where: "set by dockerfiles/base-python.Dockerfile:5  RUN useradd --uid 10001 --gid 10001 app && chmod -R o-w /srv",
  },
  {
    fact: "passwords",
    breaks: ({ inside }) => inside.accounts.push({ name: "toor", uid: 0, gid: 0, home: "/", password: "empty" }),
    what: "passwords: someone can log in: toor (password empty), toor (uid 0)",
  },
  {
    fact: "setuid",
    breaks: ({ inside }) => inside.setuid.push({ path: "/usr/bin/su", mode: "4755", uid: 0, gid: 0 }),
    what: "setuid: image has /usr/bin/su (4755)",
  },
  {
    fact: "capabilities",
    breaks: ({ inside }) => inside.capabilities.push("/usr/bin/ping"),
    what: "capabilities: image has /usr/bin/ping with capabilities",
  },
  {
    fact: "world-writable",
    breaks: ({ inside }) => (inside.writable.folders = some("/srv/data")),
    what: "world-writable: everyone can write to /srv/data",
    where: "set by dockerfiles/base-python.Dockerfile:5  RUN useradd --uid 10001 --gid 10001 app && chmod -R o-w /srv",
  },
  {
    fact: "secrets",
    breaks: ({ inside }) => inside.secrets.push({ path: "/srv/tls/server.pem", why: "a private key" }),
    what: "secrets: left in the image: /srv/tls/server.pem (a private key)",
    where: "set by dockerfiles/family-web.Dockerfile:2  COPY server.pem /srv/tls/server.pem",
    rules: withDockerfile("family-web", "FROM base-cpu\nCOPY server.pem /srv/tls/server.pem\n"),
  },
  {
    fact: "certificates",
    breaks: ({ inside }) => (inside.certificates.bundle = 143),
    what: "certificates: image trusts 143 certificates and Debian has 142: a bundle of the machine that built it was left in it",
    where:
      "set by dockerfiles/base-python.Dockerfile:3  && apt-get install --no-install-recommends --yes python3 tini ca-certificates",
  },
  {
    fact: "compilers",
    breaks: ({ inside }) => inside.tools.push({ path: "/usr/bin/gcc-12", kind: "compiler" }),
    what: "compilers: image has /usr/bin/gcc-12",
    where: "set by dockerfiles/base-cpu.Dockerfile:3  && apt-get install --yes gcc libc6-dev",
    rules: withDockerfile(
      "base-cpu",
      "FROM base-python\nRUN apt-get update \\\n && apt-get install --yes gcc libc6-dev\n",
    ),
  },
  {
    fact: "installers",
    breaks: ({ inside }) => inside.tools.push({ path: "/opt/venv/bin/pip", kind: "installer" }),
    what: "installers: image has /opt/venv/bin/pip",
  },
  {
    fact: "headers",
    breaks: ({ inside }) => inside.debian.push(debian("libc6-dev")),
    what: "headers: image has libc6-dev",
  },
  {
    fact: "apt",
    breaks: ({ inside }) =>
      inside.caches.push({ path: "/var/lib/apt/lists", ...some("/var/lib/apt/lists/deb_Packages") }),
    what: "apt: left in the image: /var/lib/apt/lists/deb_Packages",
    where: "set by dockerfiles/base-python.Dockerfile:2  RUN apt-get update",
  },
  {
    fact: "caches",
    breaks: ({ inside }) => inside.caches.push({ path: "/root/.cache", ...some("/root/.cache/uv/x") }),
    what: "caches: left in the image: /root/.cache/uv/x",
  },
  {
    fact: "temporary files",
    breaks: ({ inside }) => inside.caches.push({ path: "/tmp", ...some("/tmp/a", "/tmp/b", "/tmp/c", "/tmp/d") }),
    what: "temporary files: left in the image: /tmp/a, /tmp/b, /tmp/c and 1 more",
  },
  {
    fact: "bytecode",
    breaks: ({ inside }) => (inside.bytecode.timestamped = some(`${site}/__pycache__/x.pyc`)),
    what: `bytecode: ${site}/__pycache__/x.pyc (1 kB) is made anew by each build and never used`,
  },
  {
    fact: "machine profile",
    breaks: ({ inside }) => (inside.profile = "{}"),
    what: "machine profile: /etc/machine-profile.json is there, and the image is for no machine",
  },
  {
    fact: "gpu packages",
    breaks: ({ inside }) => (inside.gpuLibraries = some(`${site}/onnxruntime/capi/libonnxruntime_providers_cuda.so`)),
    what: `gpu packages: a CPU family carries ${site}/onnxruntime/capi/libonnxruntime_providers_cuda.so`,
  },
  {
    fact: "media libraries",
    breaks: ({ inside }) => inside.debian.push(debian("ffmpeg")),
    what: "media libraries: a CPU family carries ffmpeg, which belong to the torch and vision families",
  },
  {
    fact: "frozen torch",
    family: "family-llm",
    breaks: ({ inside }) => (inside.distributions[0] = installed("torch", "2.3.1")),
    what: "frozen torch: torch is 2.3.1, the blueprint wants 2.2.2",
    where: "set by dockerfiles/requirements/family-torch.lock:1  torch==2.2.2+cu121",
  },
  {
    fact: "gpu architectures",
    family: "family-torch",
    breaks: ({ config }) => (config.env.TORCH_CUDA_ARCH_LIST = "8.0"),
    what: "gpu architectures: TORCH_CUDA_ARCH_LIST is 8.0, the blueprint wants 8.9;8.6",
    where: 'set by dockerfiles/base-gpu.Dockerfile:2  ENV TORCH_CUDA_ARCH_LIST="8.9;8.6"',
  },
  {
    fact: "gpu code",
    family: "family-llm",
    breaks: ({ inside }) => (inside.gpuCode.libraries[0]!.compiled = ["7.0", "9.0"]),
    what: `gpu code: ${site}/torch/lib/libtorch_cuda.so has 7.0 9.0 and nothing for mainpc (8.9)`,
  },
  {
    fact: "gpu code",
    family: "family-torch",
    breaks: ({ inside }) => inside.gpuCode.unread.push({ path: "/opt/libnew.so", why: "of another layout" }),
    what: "gpu code: /opt/libnew.so: of another layout",
  },
  {
    fact: "gpu driver",
    family: "family-torch",
    breaks: ({ inside }) => (inside.distributions.at(-1)!.version = "13.0.1"),
    what: "gpu driver: CUDA 13.0.1 wants a driver from 580 on, and mainpc may have 535",
  },
]

const judge = (family: string, breaks?: (facts: Broken) => void, rules?: Partial<Rules>) =>
  contract.judge(contractFacts(family, breaks), rulesFor(family, rules))

const ids = (family: string) => factsOf(wantedOf(rulesFor(family))).map(({ id }) => id)

describe("the contract", () => {
  it.each(["base-python", "base-cpu", "family-web", "family-torch", "family-llm"])(
    "passes %s as it should be",
    (family) => {
      const { verdict, findings, checks, brief } = judge(family)
      expect(findings).toEqual([])
      expect(verdict).toBe("PASS")
      expect(brief).toBe(`${checks!.length}/${checks!.length}`)
      expect(checks!.length).toBeGreaterThanOrEqual(31)
    },
  )

  it.each(cases)(
    "names $fact when it is broken: $what",
    ({ fact, family = "family-web", breaks, what, where, rules }) => {
      const { verdict, findings, checks } = judge(family, breaks, rules)
      expect(verdict).toBe("FAIL")
      const found = findings.find((finding) => finding.what.startsWith(`${fact}: `))
      expect(found?.what).toBe(what)
      if (where) expect(found?.where).toBe(where)
      expect(found?.fix).toBeTruthy()
      expect(checks!.find(({ id }) => id === fact)).toMatchObject({ passed: false })
    },
  )

  it("breaks every fact that it checks at least once above", () => {
    const known = new Set(["family-web", "family-torch"].flatMap(ids))
    known.delete("lock family-torch.lock") // as the other locks
    known.delete("import torch")
    expect([...known].filter((id) => !cases.some(({ fact }) => fact === id))).toEqual([])
  })

  it("breaks only the fact that is broken", () => {
    for (const { fact, family = "family-web", breaks, rules } of cases.filter(
      ({ fact }) => !["locked", "frozen elsewhere"].includes(fact),
    )) {
      const failed = judge(family, breaks, rules)
        .checks!.filter(({ passed }) => !passed)
        .map(({ id }) => id)
      // What is installed is compared with the lock and with the pins, each for its own reason.
      const others = failed.filter((id) => id !== fact && id !== "locked")
      expect(others, fact).toEqual([])
    }
  })

  it("checks a child for everything that its parents are checked for", () => {
    expect(ids("base-cpu")).toEqual(expect.arrayContaining(ids("base-python")))
    expect(ids("family-web")).toEqual(expect.arrayContaining(ids("base-cpu")))
    expect(ids("family-llm")).toEqual(expect.arrayContaining(ids("family-torch")))
    expect(ids("family-llm")).toContain("frozen torch")
  })

  it("lets a child have what its parent allows", () => {
    expect(judge("family-web", ({ config }) => (config.ports = ["8000/tcp"])).verdict).toBe("PASS")
    expect(judge("base-python", ({ config }) => (config.ports = ["8000/tcp"])).verdict).toBe("FAIL")
    const tool = (path: string) =>
      judge("family-llm", ({ inside }) => inside.tools.push({ path, kind: "compiler" })).verdict
    expect(tool(`${site}/triton/bin/ptxas`)).toBe("PASS")
    expect(tool(`${site}/triton-fake/bin/ptxas`)).toBe("FAIL")
  })

  it.each([
    ["", "root (no USER is set)"],
    ["0:0", "root (0:0)"],
    ["0", "root (0:0)"],
    ["root:root", "root (0:0)"],
    ["app", '"app", a name that only the image can resolve'],
    ["10001", "10001"],
    ["10001:0", "10001:0"],
  ])("refuses USER %j", (user, who) => {
    const { findings } = judge("base-python", ({ config }) => (config.user = user))
    expect(findings.map(({ what }) => what)).toEqual([`user: image runs as ${who}, the blueprint wants 10001:10001`])
  })

  it("names the compiler that people know before its parts", () => {
    const { findings } = judge("base-python", ({ inside }) => {
      for (const path of [
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        "/usr/bin/as",
        "/usr/bin/c89",
        "/usr/bin/cc",
        "/usr/bin/gcc",
      ])
        inside.tools.push({ path, kind: "compiler" })
    })
    expect(findings[0]!.what).toMatch(/^compilers: image has \/usr\/bin\/gcc, \/usr\/bin\/as, .* and 2 more$/)
  })

  it("blames the parent's Dockerfile for what the parent set", () => {
    const { findings } = judge("family-web", ({ config }) => (config.user = "root"))
    expect(findings[0]!.where).toBe("set by dockerfiles/base-python.Dockerfile:10  USER 10001:10001")
  })

  it("does not blame a stage that is not shipped", () => {
    const { findings } = judge("family-web", ({ inside }) =>
      inside.tools.push({ path: "/usr/bin/gcc", kind: "compiler" }),
    )
    expect(findings[0]!.where).toMatch(/^set by dockerfiles\/base-python\.Dockerfile:/)
  })

  describe("with a machine", () => {
    const profile = {
      GPU_VISIBLE_DEVICES: 0,
      TORCH_CUDA_ALLOC_CONF: "max_split_size_mb:64",
      OMP_NUM_THREADS: "16",
      UVICORN_WORKERS: 32,
      MODEL_EVICT_THRESHOLD_PCT: 90,
    }
    const withProfile = (text: string | null) =>
      judge("base-python", ({ inside }) => (inside.profile = text), { machine: "mainpc" })

    it("passes with the host's own profile", () => {
      expect(withProfile(JSON.stringify(profile)).verdict).toBe("PASS")
    })
    it("fails without a profile", () => {
      expect(withProfile(null).findings[0]!.what).toBe(
        "machine profile: /etc/machine-profile.json is not there, hosts.mainpc.profile was asked for",
      )
    })
    it("fails with another host's profile, and names the values", () => {
      const { findings } = withProfile(JSON.stringify({ ...profile, UVICORN_WORKERS: 8, EXTRA: 1 }))
      expect(findings[0]!.what).toBe(
        "machine profile: /etc/machine-profile.json is not hosts.mainpc.profile: UVICORN_WORKERS is 8, 32 is wanted, EXTRA is 1, nothing is wanted",
      )
    })
    it.each(["", "[]", "null", "{", '"x"'])("fails with %j for a profile", (text) => {
      expect(withProfile(text).verdict).toBe("FAIL")
    })
  })

  describe("without Python", () => {
    const judged = contract.judge({ ...contractFacts("base-python"), inside: null }, rulesFor("base-python"))

    it("fails and says that nobody could look inside", () => {
      expect(judged.verdict).toBe("FAIL")
      expect(judged.findings.map(({ what }) => what)).toEqual([
        "python: the image has no Python, so nothing inside could be looked at",
      ])
    })
    it("counts no fact as passed that was not seen", () => {
      const unseen = judged.checks!.filter(({ evidence }) => evidence === "nobody could look")
      expect(unseen.length).toBeGreaterThan(20)
      expect(unseen.every(({ passed }) => !passed)).toBe(true)
    })
  })

  it("makes names harmless that could steer a terminal", () => {
    const { findings, checks } = judge("base-python", ({ inside }) =>
      inside.secrets.push({ path: "/srv/\u001b]0;owned\u0007\n\u001b[2Jx.pem", why: "a private key" }),
    )
    expect(JSON.stringify([findings, checks])).not.toMatch(/\\u001b|\\u0007/)
  })

  it("reads back facts that were kept, and refuses others", () => {
    const facts = contractFacts("family-web")
    expect(contract.recall(JSON.parse(JSON.stringify(facts)))).toEqual(facts)
    expect(() => contract.recall({ ...facts, more: 1 })).toThrow(/not of the known shape/)
    expect(() => contract.recall({ digest: facts.digest, config: facts.config })).toThrow(/inside/)
  })
})
