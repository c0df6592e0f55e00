import { describe, expect, it } from "vitest"
import type { PythonSource } from "../../../dagger/lib/advisories/advisories.ts"
import type { Engine, Ran, Step } from "../../../dagger/lib/engine/engine.ts"
import type { AuditFacts, Lookups } from "../../../dagger/lib/gates/audit/facts.ts"
import { broughtBy } from "../../../dagger/lib/gates/audit/gpu.ts"
import { missingLibrary } from "../../../dagger/lib/gates/audit/imports.ts"
import { askedOf, countsOf, installedIn, lookUp } from "../../../dagger/lib/gates/audit/lookups.ts"
import { removable } from "../../../dagger/lib/gates/audit/removable.ts"
import { audit } from "../../../dagger/lib/gates/audit.ts"
import { onlyForGpus } from "../../../dagger/lib/gates/blueprint/gpu.ts"
import type { Looking, Rules } from "../../../dagger/lib/gates/gate.ts"
import type { Inside } from "../../../dagger/lib/gates/inside.ts"
import { CouldNotLook } from "../../../dagger/lib/gates/verdict.ts"
import { withAcceptances } from "../../../dagger/lib/risks/accept.ts"
import { type Broken, contractFacts, debian, imported, installed, locks, rulesFor } from "./facts.ts"

const none: PythonSource = { state: "none", why: "no advisory source is configured" }
const digest = `sha256:${"e".repeat(64)}`
const folder: PythonSource = { state: "ready", service: "folder", from: "folder advisories/", digest }
const pypi: PythonSource = { state: "ready", service: "pypi", from: "pypi.org" }
const now = new Date("2026-11-22T12:00:00Z")

/** What a good image of a family shows, looked up in a folder without a weakness, with one thing broken. */
function factsOf(
  family: string,
  breaks: (facts: AuditFacts & { image: NonNullable<AuditFacts["image"]> }) => void = () => {},
) {
  const inside = contractFacts(family).inside!
  const { imports, libraries, debian, used } = inside
  const packages = askedOf(installedIn(inside), rulesFor(family).locks).map((each) => ({ ...each, advisories: [] }))
  const lookups: Lookups = {
    tool: { name: "pip-audit", version: "2.10.1" },
    at: now.toISOString(),
    records: 2662,
    canary: null,
    counts: countsOf(packages),
    packages,
  }
  const image = { installed: installedIn(inside), imports, libraries: libraries!, debian, used }
  const facts = { digest: `sha256:${"c".repeat(64)}`, image, source: folder, lookups }
  breaks(facts)
  return audit.recall(JSON.parse(JSON.stringify(facts)))
}

const weak = (facts: AuditFacts, name: string, ids: string[], ...fixed: string[]) =>
  facts.lookups!.packages.find((each) => each.name === name)!.advisories.push({ ids, fixed, summary: "it is weak" })

const judged = (family: string, breaks?: Parameters<typeof factsOf>[1], rules: Partial<Rules> = {}) =>
  audit.judge(factsOf(family, breaks), rulesFor(family, rules))

describe("audit's verdict", () => {
  it("is PASS with the count of packages when all were looked up and none is weak", () => {
    expect(judged("family-web")).toMatchObject({ verdict: "PASS", findings: [], notes: [], brief: "2 pkg" })
  })

  it("is UNCHECKED without a source, and says why and how to get one", () => {
    const { verdict, notes } = judged("family-web", (facts) => {
      facts.source = none
      facts.lookups = null
    })
    expect([verdict, notes]).toEqual([
      "UNCHECKED",
      [
        {
          what: "nobody looked for known weaknesses of Python packages: no advisory source is configured",
          fix: "run `fairlead doctor advisories`, which says how to give this site a source",
        },
      ],
    ])
  })

  it("is FAIL without a source too when something else is wrong", () => {
    const { verdict, brief } = judged("family-web", (facts) => {
      facts.source = none
      facts.lookups = null
      facts.image.imports[0] = imported("fastapi", "ImportError: no")
    })
    expect([verdict, brief]).toEqual(["FAIL", "1 import"])
  })

  it("is FAIL for an image without Python", () => {
    const facts = { ...factsOf("family-web"), image: null, lookups: null }
    expect(audit.judge(facts, rulesFor("family-web")).verdict).toBe("FAIL")
  })

  it("is FAIL with one finding for a weakness, wherever the package stands, that can be accepted", () => {
    const facts = factsOf("family-torch", (each) => weak(each, "torch", ["CVE-2025-32434", "PYSEC-2025-41"], "2.6.0"))
    const answer = audit.judge(facts, rulesFor("family-torch"))
    expect(answer.brief).toBe("1 advisory")
    expect(answer.findings).toEqual([
      {
        what: "torch 2.2.2+cu121 has CVE-2025-32434 (PYSEC-2025-41), fixed in 2.6.0",
        where: "set by dockerfiles/requirements/family-torch.lock:1  torch==2.2.2+cu121",
        evidence: "it is weak; found in the image and dockerfiles/requirements/family-torch.lock",
        fix: "torch 2.6.0 has the fix, and fleet.yaml freezes torch 2.2.2 in family-torch: accept it with `fairlead risk accept CVE-2025-32434`, or change the baseline",
        risk: {
          ids: ["CVE-2025-32434", "PYSEC-2025-41"],
          package: "torch",
          kind: "python",
          installed: "2.2.2+cu121",
          fixed: ["2.6.0"],
        },
      },
    ])
    const risk = {
      id: "PYSEC-2025-41",
      package: "torch",
      families: { "family-torch": digest },
      reason: "x",
      by: "y",
      accepted: "2026-11-22",
      reviewBy: "2026-12-22",
    }
    const accepted = withAcceptances(answer, [risk], { family: "family-torch", contents: digest, now })
    expect([accepted.verdict, accepted.accepted?.length]).toEqual(["ACCEPTED", 1])
  })

  it("merges a weakness that has another name for the locked version than for the installed one", () => {
    const { findings } = judged("family-web", (facts) => {
      const one = facts.lookups!.packages.find(({ name }) => name === "starlette")!
      facts.lookups!.packages.push({
        ...one,
        version: "0.30.0",
        found: [{ in: "image", version: "0.30.0" }],
        advisories: [],
      })
      one.found = one.found.filter((each) => each.in !== "image")
      one.advisories.push({ ids: ["CVE-1", "GHSA-1"], fixed: ["0.40.0"], summary: "" })
      facts.lookups!.packages.at(-1)!.advisories.push({ ids: ["CVE-1", "PYSEC-1"], fixed: ["0.40.0"], summary: "" })
    })
    expect(findings.map(({ what, risk }) => [what, risk?.ids])).toEqual([
      ["starlette 0.30.0 has CVE-1 (GHSA-1, PYSEC-1), fixed in 0.40.0", ["CVE-1", "GHSA-1", "PYSEC-1"]],
    ])
  })

  it("names weaknesses that no version has a fix for", () => {
    const { verdict, findings } = judged("family-web", (facts) => weak(facts, "fastapi", ["CVE-2"]))
    expect(verdict).toBe("FAIL")
    expect(findings[0]).toMatchObject({
      what: "fastapi 0.110.0 has CVE-2, which no version has a fix for",
      where: "set by dockerfiles/requirements/base-cpu.lock:1  fastapi==0.110.0",
    })
  })

  it("tells of a mirror that knows of nothing", () => {
    const { verdict, notes } = judged("family-web", (facts) => {
      facts.source = { state: "ready", service: "osv", from: "osv.example.org", url: "https://osv.example.org" }
      facts.lookups!.canary = false
    })
    expect([verdict, notes?.[0]?.what]).toEqual([
      "PASS",
      "osv.example.org knows of no weakness in jinja2 2.10, which has some",
    ])
  })
})

describe("modules that do not import", () => {
  it.each([
    [
      "OSError: cannot load library 'libsndfile.so': libsndfile.so: cannot open shared object file: No such file",
      "libsndfile.so.1",
      "libsndfile1",
    ],
    ["OSError: sndfile library not found", "libsndfile.so.1", "libsndfile1"],
    ["OSError: sndfile library not found using ctypes.util.find_library", "libsndfile.so.1", "libsndfile1"],
    ["ImportError: libGL.so.1: cannot open shared object file: No such file or directory", "libGL.so.1", "libgl1"],
    [
      "ImportError: libgthread-2.0.so.0: cannot open shared object file: No such file or directory",
      "libgthread-2.0.so.0",
      "libglib2.0-0",
    ],
    ["OSError: PortAudio library not found", "libportaudio.so.2", "libportaudio2"],
    [
      "OSError: libodd-1a2b.so.7: cannot open shared object file: No such file or directory",
      "libodd-1a2b.so.7",
      undefined,
    ],
  ])("%s", (error, library, debian) => {
    const found = missingLibrary(["ModuleNotFoundError: No module named 'x'", error])
    expect([found?.library, found?.package]).toEqual([library, debian])
  })

  it("are no matter of a library where the error names none", () => {
    expect(missingLibrary(["ModuleNotFoundError: No module named 'pydantic'"])).toBeUndefined()
    expect(missingLibrary(["ImportError: cannot import name 'x' from 'libfoo' (/a/libfoo.so)"])).toBeUndefined()
  })

  it("name the library, the wheel and Debian's package, and the line that took it away", () => {
    const { findings } = judged(
      "family-web",
      ({ image }) => {
        image.imports[0] = {
          ...imported("cv2", "ImportError: libGL.so.1: cannot open shared object file"),
          distribution: "opencv_python",
        }
        image.installed.push({ name: "opencv-python", version: "4.9.0" })
      },
      { dockerfiles: { "dockerfiles/family-web.Dockerfile": "FROM base-cpu\nRUN apt-get remove libgl1\n" } },
    )
    expect(findings).toEqual([
      {
        what: "cv2 of opencv-python 4.9.0 does not import: libGL.so.1 is missing",
        where: "set by dockerfiles/family-web.Dockerfile:2  RUN apt-get remove libgl1",
        evidence: "ImportError: libGL.so.1: cannot open shared object file",
        fix: "install Debian's libgl1 in dockerfiles/family-web.Dockerfile",
      },
    ])
  })

  it("say so when Debian's package is there and its library is not", () => {
    const { findings } = judged("family-web", ({ image }) => {
      image.imports[0] = imported("fastapi", "ImportError: libGL.so.1: cannot open shared object file")
      image.debian.push(debian("libgl1"))
    })
    expect(findings[0]?.fix).toBe(
      "leave in what Debian's libgl1 brings: it is installed, and something took libGL.so.1 away",
    )
  })
})

describe("missing libraries", () => {
  const missing = (library: string, owner: string | null = "fastapi", brought: string | null = null) => ({
    library,
    brought: brought === null ? null : { path: "/opt/venv/x.so", owner: { kind: "python" as const, name: brought } },
    needers: [
      { owner: owner === null ? null : { kind: "python" as const, name: owner }, count: 2, example: "/opt/venv/a.so" },
    ],
  })

  it("are findings with the wheel that needs them and Debian's package", () => {
    const { verdict, findings, brief } = judged("family-web", ({ image }) =>
      image.libraries.missing.push(missing("libsndfile.so.1")),
    )
    expect([verdict, brief]).toEqual(["FAIL", "1 library"])
    expect(findings[0]).toMatchObject({
      what: "libsndfile.so.1 is missing: fastapi 0.110.0 needs it",
      evidence: "/opt/venv/a.so and 1 more",
      fix: "install Debian's libsndfile1 in dockerfiles/family-web.Dockerfile",
      risk: { ids: ["libsndfile.so.1"], package: "fastapi", kind: "other" },
    })
  })

  it("are only told when another wheel brings them", () => {
    const { verdict, notes } = judged("family-torch", ({ image }) =>
      image.libraries.missing.push(missing("libcudnn.so.8", "torch", "nvidia-cudnn-cu12")),
    )
    expect([verdict, notes?.[0]?.what]).toEqual([
      "PASS",
      "loaded by the package that brings it: libcudnn.so.8 (nvidia-cudnn-cu12)",
    ])
  })

  it.each([
    "libcuda.so.1",
    "libnvidia-ml.so.1",
    "libnvcuvid.so.1",
    "libnvidia-encode.so.1",
    "libnvidia-ptxjitcompiler.so.1",
  ])("of the driver, such as %s, are listed in a GPU family and a finding in a CPU family", (library) => {
    const gpu = judged("family-torch", ({ image }) => image.libraries.missing.push(missing(library, "torch")))
    expect([gpu.verdict, gpu.notes?.[0]?.what]).toEqual([
      "PASS",
      `${library}: missing as expected, NVIDIA's driver on the host has it`,
    ])
    const cpu = judged("family-web", ({ image }) => image.libraries.missing.push(missing(library)))
    expect([cpu.verdict, cpu.findings[0]?.fix]).toEqual([
      "FAIL",
      "it comes with NVIDIA's driver only: take the CPU build, or say gpu: true for families.family-web in fleet.yaml",
    ])
  })

  it("of CUDA's toolkit are no matter of the driver", () => {
    const { verdict } = judged("family-torch", ({ image }) =>
      image.libraries.missing.push(missing("libcublas.so.12", "torch")),
    )
    expect(verdict).toBe("FAIL")
  })

  it("are findings for a file that came with nothing, and for one that is too old", () => {
    const { findings } = judged("family-web", ({ image }) => {
      image.libraries.missing.push(missing("libodd.so.1", null))
      image.libraries.outdated.push({ library: "libc.so.6", version: "GLIBC_2.38", needers: missing("x").needers })
    })
    expect(findings.map(({ what }) => what)).toEqual([
      "libodd.so.1 is missing: /opt/venv/a.so needs it",
      "libc.so.6 is too old for fastapi 0.110.0: it has no GLIBC_2.38",
    ])
  })

  it("tells which files could not be looked at", () => {
    const { notes } = judged("family-web", ({ image }) => {
      image.libraries.unseen = { count: 1, examples: [{ path: "/opt/x.so", why: "not a whole ELF file" }] }
    })
    expect(notes).toEqual([
      { what: "1 file could not be asked what it needs", evidence: "/opt/x.so: not a whole ELF file" },
    ])
  })
})

describe("packages for GPUs", () => {
  it.each([
    ["nvidia-cublas-cu12", "12.1.3.1"],
    ["nvidia_cudnn_cu11", "8"],
    ["torch", "2.2.2+cu121"],
    ["onnxruntime-gpu", "1.17"],
    ["triton", "2.2.0"],
    ["xformers", "0.0.25"],
    ["bitsandbytes", "0.43"],
    ["flash_attn", "2.5"],
    ["cupy-cuda12x", "13.0"],
    ["tensorflow-gpu", "2.12"],
  ])("%s %s is one", (name, version) => expect(onlyForGpus(name, version)).toBe(true))

  it.each([
    ["torch", "2.2.2+cpu"],
    ["onnxruntime", "1.17"],
    ["tensorflow", "2.16"],
    ["customs", "1.0"],
  ])("%s %s is none", (name, version) => expect(onlyForGpus(name, version)).toBe(false))

  it("fail a CPU family, with what brought them", () => {
    const path = "dockerfiles/requirements/family-web.lock"
    const lock = `${locks[path]}nvidia-nccl-cu12==2.19.3 \\\n    --hash=sha256:${"a".repeat(64)}\n    # via\n    #   -c base-cpu.lock\n    #   torch\nnext==1.0 --hash=sha256:${"a".repeat(64)}\n    # via other\n`
    const { verdict, findings } = judged(
      "family-web",
      ({ image }) => image.installed.push({ name: "nvidia-nccl-cu12", version: "2.19.3" }),
      { locks: { ...locks, [path]: lock } },
    )
    expect([verdict, findings]).toEqual([
      "FAIL",
      [
        {
          what: "a CPU family carries nvidia-nccl-cu12 2.19.3, which torch brings",
          where: `set by ${path}:5  nvidia-nccl-cu12==2.19.3`,
          fix: "take the CPU build of torch, or say gpu: true for families.family-web in fleet.yaml",
        },
      ],
    ])
    expect(broughtBy(lock, 10)).toEqual(["other"])
  })
})

describe("removable system packages", () => {
  const packages = [
    debian("dash", { essential: true, depends: [["libc6"]] }),
    debian("apt", { priority: "important", depends: [["gpgv"]] }),
    debian("gpgv"),
    debian("libc6"),
    debian("tini"),
    debian("curl", { depends: [["libcurl4", "libcurl3"]], bytes: 500_000 }),
    debian("libcurl4", { bytes: 700_000 }),
    debian("libsndfile1", { depends: [["libflac-any"]] }),
    debian("libflac12", { provides: ["libflac-any"] }),
    debian("ca-certificates"),
  ]
  const spare = (used: string[], wanted: string[]) =>
    removable({ debian: packages, used }, wanted).map(({ name }) => name)

  it("are those that nothing uses and nobody asked for", () => {
    expect(spare(["tini"], [])).toEqual(["curl", "libcurl4", "libsndfile1", "libflac12"])
    expect(spare(["tini", "libsndfile1"], ["curl"])).toEqual([])
  })

  it("are not those whose library something asks for in vain", () => {
    const { notes } = judged("family-web", ({ image }) => {
      image.debian.push(debian("libsndfile1"), debian("libgl1"))
      image.imports[0] = imported("fastapi", "OSError: sndfile library not found")
      image.libraries.missing.push({
        library: "libGL.so.1",
        brought: null,
        needers: [{ owner: null, count: 1, example: "/opt/venv/a.so" }],
      })
    })
    expect(notes).toEqual([])
  })

  it("are told with the bytes they take, and fail nothing", () => {
    const { verdict, notes } = judged("family-web", ({ image }) =>
      image.debian.push(...packages.filter(({ name }) => /curl/.test(name))),
    )
    expect([verdict, notes]).toEqual([
      "PASS",
      [
        {
          what: "2 system packages that nothing uses, 1.2 MB",
          where: "see dockerfiles/family-web.Dockerfile",
          evidence: "libcurl4 (700 kB), curl (500 kB)",
          fix: "leave them out, or name what is wanted in families.family-web.system in fleet.yaml",
        },
      ],
    ])
  })
})

describe("what audit keeps", () => {
  const facts = factsOf("family-web")
  const stale = (source: PythonSource, python: PythonSource, at = now) =>
    audit.stale!({ ...facts, source }, { database: none as never, python }, at)

  it("is out of date when the source is another one", () => {
    expect(stale(folder, folder)).toBe(false)
    expect(stale(none, { ...none, why: "another reason" })).toBe(false)
    expect(stale(folder, none)).toBe(true)
    expect(stale(none, pypi)).toBe(true)
    expect(stale(folder, { ...folder, digest: `sha256:${"f".repeat(64)}` })).toBe(true)
    expect(stale(folder, pypi)).toBe(true)
    expect(stale(pypi, { ...pypi, service: "osv" })).toBe(true)
    expect(stale(folder, { state: "broken", why: "x" })).toBe(true)
  })

  it("of a service is out of date after a day", () => {
    expect(stale(pypi, pypi, new Date("2026-11-23T11:59:00Z"))).toBe(false)
    expect(stale(pypi, pypi, new Date("2026-11-23T12:01:00Z"))).toBe(true)
  })
})

describe("looking up", () => {
  const asked = [{ name: "torch", version: "2.2.2+cu121" }]
  const rules = rulesFor("family-torch", { locks: {} })

  function looking(answer: unknown, steps: Step[] = []): Looking {
    const ran: Ran = { exitCode: 0, stdout: JSON.stringify(answer), stderr: "", outputs: {}, seconds: 0 }
    const engine = {
      run: async (step: Step) => {
        steps.push(step)
        return ran
      },
      file: (name: string, text: string) => ({ kind: "file", name, handle: text }),
    } as unknown as Engine
    return { subject: { family: "family-torch" }, rules, engine, ca: { name: "ca", handle: 1 } } as unknown as Looking
  }

  const answers = (...found: { name: string; version: string }[]) => ({
    schema: 1,
    tool: { name: "pip-audit", version: "2.10.1" },
    records: 1,
    canary: null,
    answers: found.map((each) => ({ ...each, advisories: [] })),
  })

  it("asks for public versions and keeps both", async () => {
    const steps: Step[] = []
    const found = await lookUp(looking(answers({ name: "torch", version: "2.2.2" }), steps), folder as never, asked)
    expect(found.packages).toEqual([
      { name: "torch", version: "2.2.2", found: [{ in: "image", version: "2.2.2+cu121" }], advisories: [] },
    ])
    expect(found.counts).toEqual({ image: 1 })
    expect(steps[0]).toMatchObject({ image: "toolbox:scan", caches: { "/advisories": "advisories" } })
    expect(steps[0]!.argv).toContain(`--records=/advisories/${"e".repeat(64)}/osv.json`)
    expect([steps[0]!.outside, steps[0]!.secrets]).toEqual([undefined, undefined])
    expect(steps[0]!.inputs!["/in/asked.json"]!.handle).toBe('[{"name":"torch","version":"2.2.2"}]')
  })

  it("reaches services from outside, with the machine's certificates", async () => {
    const steps: Step[] = []
    await lookUp(looking(answers({ name: "torch", version: "2.2.2" }), steps), pypi as never, asked)
    expect(steps[0]).toMatchObject({ outside: true, secrets: { "/run/secrets/ca": { name: "ca" } } })
  })

  it.each([
    [
      "a source that failed",
      { schema: 1, failed: "pip-audit skipped torch: not found" },
      /audit family-torch: pip-audit skipped torch/,
    ],
    ["fewer answers than questions", answers(), /torch 2.2.2 was not looked up/],
    ["another version", answers({ name: "torch", version: "2.2.1" }), /torch 2.2.2 was not looked up/],
    [
      "more answers than questions",
      answers({ name: "torch", version: "2.2.2" }, { name: "x", version: "1" }),
      /asked about 1 packages, 2/,
    ],
    ["another shape", { schema: 1, dependencies: [] }, /not of the known shape/],
  ])("does not see with %s", async (_, answer, message) => {
    await expect(lookUp(looking(answer), folder as never, asked)).rejects.toThrow(message)
    await expect(lookUp(looking(answer), folder as never, asked)).rejects.toBeInstanceOf(CouldNotLook)
  })

  it("needs no tool where there is no package", async () => {
    const found = await lookUp(looking(null), folder as never, [])
    expect([found.tool, found.counts]).toEqual([null, { image: 0 }])
  })

  it("does not see a lock of which a line cannot be read", () => {
    expect(() => askedOf([], { "a.lock": "torch>=2\n" })).toThrow(
      /audit: a.lock:1 cannot be looked up: "torch>=2" is not pinned/,
    )
  })

  it("leaves Debian's own Python packages to Debian's advisories", () => {
    const own = { ...installed("pip", "23.0"), location: "/usr/lib/python3/dist-packages" }
    expect(installedIn({ distributions: [own, installed("Fast.API", "1.0")] })).toEqual([
      { name: "fast-api", version: "1.0" },
    ])
  })
})

describe("looking at an image", () => {
  const on = (breaks: (inside: Inside) => void, python: PythonSource = none): Looking => {
    const { inside, digest } = contractFacts("family-web", ({ inside }: Broken) => breaks(inside))
    return {
      subject: { family: "family-web", digest },
      rules: rulesFor("family-web"),
      engine: {} as Engine,
      inside: async () => inside,
      archived: async () => ({ digest, config: {} as never, described: 0, layers: [] }),
      advisories: async () => ({ database: none as never, python }),
    } as unknown as Looking
  }

  it("needs nothing but the look inside where there is no source", async () => {
    const facts = await audit.look(on(() => {}))
    expect(audit.judge(facts, rulesFor("family-web")).verdict).toBe("UNCHECKED")
  })

  it("throws for a source that is broken", async () => {
    const looked = audit.look(on(() => {}, { state: "broken", why: "the folder is from 2024-10-10", fix: "renew it" }))
    await expect(looked).rejects.toMatchObject({
      name: "CouldNotLook",
      what: "audit: the folder is from 2024-10-10",
      fix: "renew it",
    })
  })

  it("throws where no library could be looked at", async () => {
    const blind = on((inside) => {
      inside.libraries!.looked = 0
      inside.libraries!.unseen = { count: 1, examples: [{ path: "/usr/bin/a", why: "the loader does not run" }] }
    })
    await expect(audit.look(blind)).rejects.toThrow(/no program or library .*\/usr\/bin\/a: the loader does not run/)
    await expect(audit.look(on((inside) => (inside.libraries = null)))).rejects.toBeInstanceOf(CouldNotLook)
  })
})
