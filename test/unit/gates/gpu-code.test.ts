import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { fairleadRoot } from "../../../cli/version.ts"
import { runsOn } from "../../../dagger/lib/gates/blueprint/gpuHosts.ts"
import { insideSchema } from "../../../dagger/lib/gates/inside.ts"
import { noPython, runProbe, runPython } from "./python.ts"

const site = "/opt/venv/lib/python3.11/site-packages"
const [ptx, compiled] = [1, 2]

/** A fat binary as NVIDIA's compiler writes it: an entry for each kind and architecture, its code a run of one byte. */
function fatBinary(...entries: [kind: number, arch: number][]): Buffer {
  const parts = entries.map(([kind, arch]) => {
    const entry = Buffer.alloc(64 + 128, arch)
    entry.fill(0, 0, 64)
    entry.writeUInt16LE(kind, 0)
    entry.writeUInt16LE(0x101, 2)
    entry.writeUInt32LE(64, 4)
    entry.writeBigUInt64LE(128n, 8)
    entry.writeUInt32LE(arch, 28)
    return entry
  })
  const head = Buffer.alloc(16)
  head.writeUInt32LE(0xba55ed50, 0)
  head.writeUInt16LE(1, 4)
  head.writeUInt16LE(16, 6)
  head.writeBigUInt64LE(BigInt(parts.length * 192), 8)
  return Buffer.concat([head, ...parts])
}

/** The least that is an ELF library with these fat binaries, some zeros between them. */
function library(section: string, ...binaries: Buffer[]): Buffer {
  const names = Buffer.from(`\0.names\0${section}\0`)
  const code = Buffer.concat(binaries.flatMap((each) => [each, Buffer.alloc(8)]))
  const headers = [
    [0, 0, 0],
    [1, 64, names.length],
    [8, 64 + names.length, code.length],
  ].map(([name, offset, size]) => {
    const header = Buffer.alloc(64)
    header.writeUInt32LE(name!, 0)
    header.writeBigUInt64LE(BigInt(offset!), 24)
    header.writeBigUInt64LE(BigInt(size!), 32)
    return header
  })
  const head = Buffer.alloc(64)
  head.write("\x7fELF\x02\x01\x01", "latin1")
  head.writeBigUInt64LE(BigInt(64 + names.length + code.length), 40)
  head.writeUInt16LE(64, 58)
  head.writeUInt16LE(headers.length, 60)
  head.writeUInt16LE(1, 62)
  return Buffer.concat([head, names, code, ...headers])
}

/** A fat binary whose lengths are zero from this byte on: of its head, or of the first entry in it. */
function withoutLength(at: number): Buffer {
  const binary = fatBinary([compiled, 80])
  binary.fill(0, at, at < 16 ? 16 : 16 + 16)
  return binary
}

const many = library(
  ".nv_fatbin",
  fatBinary([compiled, 50], [compiled, 80], [compiled, 86], [compiled, 90]),
  fatBinary([compiled, 70], [ptx, 70], [ptx, 80], [ptx, 90]),
)

describe.skipIf(noPython)("device code", () => {
  const root = mkdtempSync(join(tmpdir(), "fairlead-gpu-"))
  afterAll(() => rmSync(root, { recursive: true }))
  const put = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(root + path), { recursive: true })
    writeFileSync(root + path, content)
  }
  const file = `${site}/nvidia/lib/libmany.so.1`
  put(file, many)
  put(`${site}/nvidia/lib/librelocatable.so`, library("__nv_relfatbin", fatBinary([compiled, 100])))
  put(`${site}/nvidia/lib/libnone.so`, library(".text", Buffer.from("no device code")))
  put(`${site}/nvidia/lib/libodd.so`, library(".nv_fatbin", Buffer.from("what no one knows")))
  put(`${site}/nvidia_many-1.0.dist-info/METADATA`, "Name: nvidia-many\nVersion: 1.0\n")
  put(
    `${site}/nvidia_many-1.0.dist-info/RECORD`,
    "nvidia/lib/libmany.so.1,sha256=x,1\nnvidia/lib/libnone.so,sha256=y,2\n",
  )
  put("/opt/venv/pyvenv.cfg", "version = 3.11.2\n")
  put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
  put("/var/lib/dpkg/status", "Package: tini\nStatus: install ok installed\nInstalled-Size: 40\nVersion: 0.19.0-1\n")

  const step = join(root, "keep-gpu-code.py")
  const text = readFileSync(join(fairleadRoot, "dockerfiles/steps/keep-gpu-code"), "utf8")
  writeFileSync(step, text.replaceAll("/opt/venv/", `${root}/opt/venv/`))
  const keepGpuCode = (...argv: string[]) => runPython(step, ...argv)

  const look = async () => {
    const ran = await runProbe(
      "contract_probe.py",
      `--root=${root}`,
      ...["--init=/usr/bin/tini", "--entrypoint=/x", "--user=1:1"],
    )
    expect(ran.stderr).toBe("")
    return insideSchema.parse(JSON.parse(ran.stdout)).gpuCode
  }

  it("is read from every library, and one of a layout that nobody knows is told", async () => {
    const { libraries, unread } = await look()
    expect(libraries).toEqual([
      { path: file, compiled: ["5.0", "7.0", "8.0", "8.6", "9.0"], ptx: ["7.0", "8.0", "9.0"] },
      { path: `${site}/nvidia/lib/librelocatable.so`, compiled: ["10.0"], ptx: [] },
    ])
    expect(unread).toMatchObject([{ path: `${site}/nvidia/lib/libodd.so` }])
  })

  it.each([
    ["an entry without a length", withoutLength(16 + 4), /an entry without a length at \d+: look/],
    ["a fat binary without a length", withoutLength(6), /no fat binary at \d+: look/],
    ["an entry of a kind that nobody knows", fatBinary([7, 80]), /an entry of kind 7 at \d+: look/],
  ])("%s ends the step, and nothing is taken out; the probe tells it, too", async (_, binary, said) => {
    const path = `${site}/nvidia/lib/libmany.so.1`
    const bad = library(".nv_fatbin", fatBinary([compiled, 50]), binary)
    put(path, bad)
    const ran = await keepGpuCode("8.6", "nvidia_many")
    expect([ran.exitCode, ran.stderr]).toEqual([1, expect.stringMatching(said)])
    expect(readFileSync(root + path).equals(bad)).toBe(true)
    expect((await look()).unread.map((each) => each.path)).toContain(path)
    put(path, many)
  })

  it("for other GPUs can be taken out, and what a driver would choose stays where it is", async () => {
    expect((await keepGpuCode("", "nvidia_many")).exitCode).toBe(0)
    expect(readFileSync(root + file).equals(many)).toBe(true)

    const ran = await keepGpuCode("8.6 8.9", "nvidia_*")
    expect([ran.stderr, ran.exitCode]).toEqual(["", 0])
    expect((await look()).libraries[0]).toEqual({ path: file, compiled: ["8.0", "8.6"], ptx: ["8.0"] })
    const left = readFileSync(root + file)
    expect(left.length).toBe(many.length)
    const digest = createHash("sha256").update(left).digest("base64url")
    expect(readFileSync(`${root}${site}/nvidia_many-1.0.dist-info/RECORD`, "utf8")).toBe(
      `nvidia/lib/libmany.so.1,sha256=${digest},${many.length}\nnvidia/lib/libnone.so,sha256=y,2\n`,
    )
  })
})

describe("a GPU runs", () => {
  it.each([
    ["8.9", { compiled: ["8.0", "8.6"], ptx: [] }, true],
    ["8.6", { compiled: ["8.9"], ptx: [] }, false],
    ["8.6", { compiled: ["7.5"], ptx: [] }, false],
    ["10.0", { compiled: ["9.0"], ptx: ["9.0"] }, true],
    ["8.9", { compiled: [], ptx: ["9.0"] }, false],
  ])("%s with %j: %s", (gpu, code, right) => {
    expect(runsOn(code, gpu)).toBe(right)
  })
})
