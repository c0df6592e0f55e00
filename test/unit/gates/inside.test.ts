import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Artifact, Engine, Ran, Step } from "../../../dagger/lib/engine/engine.ts"
import { type Inside, insideSchema, lookInside } from "../../../dagger/lib/gates/inside.ts"
import { fleet } from "./facts.ts"
import { noPython, runProbe } from "./python.ts"

const site = "/opt/venv/lib/python3.11/site-packages"
const key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ==\n-----END EC PRIVATE KEY-----\n"
const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

/** Paths of a small image -> text, or text and mode. */
type Tree = Record<string, string | [text: string, mode: number]>

const wheel = (name: string, version: string, files: Tree): Tree => {
  const info = `${name}-${version}.dist-info`
  const record = [...Object.keys(files), `${info}/METADATA`, `${info}/RECORD`]
    .map((path) => `${path},${path.endsWith("RECORD") ? "" : "sha256=x"},\n`)
    .join("")
  const all = {
    ...files,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    [`${info}/RECORD`]: record,
  }
  return Object.fromEntries(Object.entries(all).map(([path, text]) => [`${site}/${path}`, text]))
}

const good: Tree = {
  "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n',
  "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\napp:x:10001:10001::/home/app:/usr/sbin/nologin\n",
  "/etc/shadow": "root:*:19000:0:99999:7:::\napp:!:19000::::::\n",
  "/etc/ssl/certs/ca-certificates.crt": certificate.repeat(2),
  "/usr/share/ca-certificates/mozilla/A.crt": certificate,
  "/usr/share/ca-certificates/mozilla/B.crt": certificate,
  "/var/lib/dpkg/status":
    "Package: tini\nStatus: install ok installed\nInstalled-Size: 40\nVersion: 0.19.0-1\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
  "/usr/bin/tini": ["ELF", 0o755],
  "/usr/bin/python3.11": ["ELF", 0o755],
  "/usr/bin/ld.so": ["the dynamic linker is no linker", 0o755],
  "/usr/lib/cargo/readme": "not a program",
  "/usr/local/bin/entrypoint": ["#!/bin/sh\n", 0o755],
  "/opt/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
  "/var/lib/apt/lists/lock": "",
  "/home/app/notes": "x",
  ...wheel("starlette", "0.37.2", {
    "starlette/__init__.py": "x = 1\n",
    "starlette/tests/test_x.py": "",
    "starlette/server.key": key,
  }),
}

describe.skipIf(noPython)("the files of an image", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-inside-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  let count = 0

  async function look(tree: Tree, after: (root: string) => void = () => {}): Promise<Inside> {
    const root = join(folder, `${++count}`)
    for (const [path, content] of Object.entries({ ...good, ...tree })) {
      const [text, mode] = typeof content === "string" ? [content, 0o644] : content
      mkdirSync(dirname(root + path), { recursive: true })
      writeFileSync(root + path, text)
      chmodSync(root + path, mode)
    }
    mkdirSync(`${root}/opt/venv/bin`, { recursive: true })
    symlinkSync("/usr/bin/python3.11", `${root}/opt/venv/bin/python`) // absolute: it must be followed inside the root
    after(root)
    const ran = await runProbe(
      "contract_probe.py",
      `--root=${root}`,
      "--init=/usr/bin/tini",
      "--entrypoint=/usr/local/bin/entrypoint",
      "--user=10001:10001",
    )
    expect(ran.stderr).toBe("")
    expect(ran.stdout).not.toContain(root)
    return insideSchema.parse(JSON.parse(ran.stdout))
  }

  let seen: Inside
  beforeAll(async () => {
    seen = await look({})
  })

  it("show what a good image has", () => {
    expect(seen).toMatchObject({
      python: { venv: true, systemSite: false, version: "3.11.2", path: [site] },
      release: { id: "debian", codename: "bookworm" },
      debian: [{ name: "tini", version: "0.19.0-1", bytes: 40 * 1024 }],
      init: { present: true, executable: true, mode: "0755" },
      entrypoint: { present: true, executable: true },
      certificates: { bundle: 2, packaged: 2, local: [] },
      profile: null,
    })
    expect(seen.distributions).toMatchObject([
      { name: "starlette", version: "0.37.2", location: site, files: 5, missing: { count: 0 } },
    ])
    expect(seen.accounts.map(({ name, uid, password }) => [name, uid, password])).toEqual([
      ["root", 0, "locked"],
      ["app", 10001, "locked"],
    ])
  })

  it("show nothing wrong where nothing is", () => {
    const { setuid, capabilities, tools, headers, caches, secrets, writable, gpuLibraries, brokenMetadata } = seen
    expect({ setuid, capabilities, tools, headers, caches, secrets, brokenMetadata }).toEqual({
      setuid: [],
      capabilities: [],
      tools: [],
      headers: [],
      caches: [],
      secrets: [],
      brokenMetadata: [],
    })
    expect([writable.folders.count, writable.files.count, gpuLibraries.count]).toEqual([0, 0, 0])
  })

  it("show compilers, build tools and installers by any of their names", async () => {
    const paths = [
      "/usr/bin/gcc",
      "/usr/bin/x86_64-linux-gnu-gcc-12",
      "/usr/bin/g++-12",
      "/usr/bin/ld.bfd",
      "/usr/bin/as",
      "/usr/local/go/bin/go",
      "/root/.cargo/bin/cargo",
      "/usr/local/cuda-12.1/bin/nvcc",
      "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
    ]
    const program = (path: string): [string, [string, number]] => [path, ["ELF", 0o755]]
    const { tools } = await look(
      Object.fromEntries([...paths, "/usr/bin/make", "/opt/venv/bin/pip3.11", "/usr/local/bin/uv"].map(program)),
      (root) => symlinkSync("gcc", `${root}/usr/bin/cc`),
    )
    const of = (kind: string) =>
      tools
        .filter((tool) => tool.kind === kind)
        .map(({ path }) => path)
        .sort()
    expect(of("compiler")).toEqual([...paths, "/usr/bin/cc"].sort())
    expect(of("build tool")).toEqual(["/usr/bin/make"])
    expect(of("installer")).toEqual(["/opt/venv/bin/pip3.11", "/usr/local/bin/uv"])
  })

  it("show caches, lists and leftovers", async () => {
    const { caches, headers } = await look({
      "/var/lib/apt/lists/deb.example_Packages": "Package: x\n",
      "/var/cache/apt/pkgcache.bin": "x",
      "/root/.cache/pip/http/a": "x",
      "/home/app/.cache/uv/a": "x",
      "/tmp/build/a.o": "x",
      "/usr/include/stdio.h": "x",
    })
    expect(caches.map(({ path, count }) => [path, count])).toEqual([
      ["/home/app/.cache", 1],
      ["/root/.cache", 1],
      ["/tmp", 1],
      ["/var/cache/apt", 1],
      ["/var/lib/apt/lists", 1],
    ])
    expect(headers.map(({ path }) => path)).toEqual(["/usr/include"])
  })

  it("show setuid and setgid files, and what everyone can change", async () => {
    const { setuid, writable } = await look(
      { "/usr/bin/su": ["ELF", 0o755], "/usr/bin/wall": ["ELF", 0o755], "/srv/open": ["x", 0o644] },
      (root) => {
        chmodSync(`${root}/usr/bin/su`, 0o4755)
        chmodSync(`${root}/usr/bin/wall`, 0o2755)
        chmodSync(`${root}/srv/open`, 0o666)
        for (const [path, mode] of [
          ["/var/spool/free", 0o777],
          ["/tmp", 0o1777],
        ] as const) {
          mkdirSync(root + path, { recursive: true })
          chmodSync(root + path, mode)
        }
      },
    )
    expect(setuid.map(({ path, mode }) => [path, mode])).toEqual([
      ["/usr/bin/su", "4755"],
      ["/usr/bin/wall", "2755"],
    ])
    expect(writable.folders.examples).toEqual(["/var/spool/free"])
    expect(writable.files.examples).toEqual(["/srv/open"])
  })

  it("show secrets by path and never by content, and leave out keys that a package brings", async () => {
    const { secrets } = await look({
      "/srv/tls/server.pem": key,
      "/srv/tls/chain.pem": certificate,
      "/root/.netrc": "machine example.org login me password hunter2",
      "/root/.config/pip/pip.conf": "[global]\nindex-url = https://me:hunter2@example.org/simple\n",
      "/etc/pip.conf": "[global]\nno-cache-dir = true\n",
      "/run/secrets/ca": certificate,
      "/run/secrets/empty": "",
    })
    expect(secrets.map(({ path, why }) => [path, why]).sort()).toEqual([
      ["/root/.config/pip/pip.conf", "credentials in a setting"],
      ["/root/.netrc", "credentials"],
      ["/run/secrets/ca", "a build secret"],
      ["/srv/tls/server.pem", "a private key"],
    ])
    expect(JSON.stringify(secrets)).not.toContain("hunter2")
  })

  it("show packages that are installed in name only", async () => {
    const { distributions, brokenMetadata } = await look(
      {
        ...wheel("torch", "2.2.2+cu121", {
          "torch/__init__.py": "",
          "torch/lib/libtorch_cuda.so": "",
          "torch/test/test_a.py": "",
        }),
        [`${site}/broken-1.0.dist-info/RECORD`]: "",
      },
      (root) => {
        rmSync(`${root}${site}/torch/__init__.py`)
        rmSync(`${root}${site}/torch/test/test_a.py`)
      },
    )
    const torch = distributions.find(({ name }) => name === "torch")
    expect(torch).toMatchObject({
      version: "2.2.2+cu121",
      missing: { count: 1, examples: [`${site}/torch/__init__.py`] },
    })
    expect(brokenMetadata).toEqual([`${site}/broken-1.0.dist-info`])
  })

  it("show CUDA's libraries wherever they come from", async () => {
    const { gpuLibraries } = await look({
      [`${site}/nvidia/cublas/lib/libcublas.so.12`]: "x",
      [`${site}/torch/lib/libtorch_cuda.so`]: "x",
      "/usr/lib/x86_64-linux-gnu/libcuda.so.1": "x",
      "/usr/lib/x86_64-linux-gnu/libcurl.so.4": "x",
    })
    expect(gpuLibraries.examples.map((path) => path.split("/").at(-1)).sort()).toEqual([
      "libcublas.so.12",
      "libcuda.so.1",
      "libtorch_cuda.so",
    ])
  })

  it("tell bytecode that goes by file times from bytecode that goes by hashes or came in a package", async () => {
    const cache = `${site}/starlette/__pycache__`
    const { bytecode } = await look({
      [`${cache}/a.cpython-311.pyc`]: `\u0001\r\r\n${"\0".repeat(12)}`,
      ...wheel("numpy", "1.26.4", { "numpy/__pycache__/shipped.cpython-311.pyc": "old" }),
      [`${cache}/b.cpython-311.pyc`]: `\u0001\r\r\n\u0001${"\0".repeat(11)}`,
      "/usr/lib/python3.11/__pycache__/os.cpython-311.pyc": `\u0001\r\r\n${"\0".repeat(12)}`,
    })
    expect(bytecode).toMatchObject({ count: 4, timestamped: { count: 1, examples: [`${cache}/a.cpython-311.pyc`] } })
  })

  it("show accounts with an open door, never the hash", async () => {
    const ran = await look({
      "/etc/passwd": "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n",
      "/etc/shadow": "root:$6$salt$hash:1::::::\ntoor::1::::::\n",
    })
    expect(ran.accounts.map(({ name, password }) => [name, password])).toEqual([
      ["root", "set"],
      ["toor", "empty"],
    ])
    expect(JSON.stringify(ran)).not.toContain("salt")
  })

  it("show the machine's profile, certificates that were added, and a missing init", async () => {
    const { profile, certificates, init } = await look(
      {
        "/etc/machine-profile.json": '{"OMP_NUM_THREADS": 4}',
        "/usr/local/share/ca-certificates/own.crt": certificate,
        "/etc/ssl/certs/ca-certificates.crt": certificate.repeat(3),
      },
      (root) => rmSync(`${root}/usr/bin/tini`),
    )
    expect(profile).toBe('{"OMP_NUM_THREADS": 4}')
    expect(certificates).toEqual({ bundle: 3, packaged: 2, local: ["/usr/local/share/ca-certificates/own.crt"] })
    expect(init).toMatchObject({ present: false, executable: false, version: null })
  })

  it("are followed inside the root only, and links in a circle end", async () => {
    const { entrypoint } = await look({}, (root) => {
      rmSync(`${root}/usr/local/bin/entrypoint`)
      symlinkSync("/../../../../../../etc/os-release", `${root}/usr/local/bin/entrypoint`)
      symlinkSync("b", `${root}/usr/bin/a`)
      symlinkSync("a", `${root}/usr/bin/b`)
    })
    expect(entrypoint).toMatchObject({ present: true, executable: false })
    expect(entrypoint.sha256).not.toBeNull()
  })
})

describe("looking inside", () => {
  const subject = {
    family: "family-web",
    archive: { kind: "file", name: "image.tar", handle: "" } as Artifact,
    digest: "sha256:x",
  }
  const answering = (ran: Partial<Ran>, steps: Step[] = []) =>
    ({
      run: async (step: Step) => {
        steps.push(step)
        return { exitCode: 0, stdout: "", stderr: "", outputs: {}, seconds: 0, ...ran }
      },
      file: (name: string) => ({ kind: "file", name, handle: name }),
    }) as unknown as Engine

  it("runs in the image itself as root, with the modules of the whole line", async () => {
    const steps: Step[] = []
    await lookInside(subject, fleet, answering({ stdout: '{"schema": 1, "python": null}' }, steps))
    expect(steps[0]).toMatchObject({ image: "toolbox:run", inputs: { "/in/image.tar": subject.archive } })
    expect(steps[0]!.argv).toEqual(
      expect.arrayContaining(["--user=0:0", "--read-only", "--network=none", "--pull=never"]),
    )
    expect(steps[0]!.argv.slice(-2)).toEqual(["--module=fastapi", "--module=starlette"])
  })

  it("answers null for an image without Python", async () => {
    expect(await lookInside(subject, fleet, answering({ stdout: '{"schema": 1, "python": null}\n' }))).toBeNull()
  })

  it.each([
    [
      "a probe that crashed",
      { exitCode: 1, stderr: "Traceback\nMemoryError\u001b[31m" },
      /the probe exited 1; last lines:\n {4}Traceback\n {4}MemoryError$/,
    ],
    ["no answer", { stdout: "" }, /nothing was answered/],
    ["half an answer", { stdout: '{"schema": 1, "python": {' }, /not JSON/],
    ["another shape", { stdout: '{"schema": 1, "python": {}}' }, /not of the known shape/],
    ["an answer of another version", { stdout: '{"schema": 2, "python": null}' }, /not of the known shape/],
    ["a flood", { stdout: `"${"x".repeat(16_000_001)}"` }, /at most 16000000 are read/],
  ])("refuses %s", async (_, ran, why) => {
    await expect(lookInside(subject, fleet, answering(ran))).rejects.toMatchObject({
      name: "CouldNotLook",
      message: expect.stringMatching(why),
    })
  })
})
