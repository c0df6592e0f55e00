import { execFileSync, spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { insideSchema, type Libraries } from "../../../dagger/lib/gates/inside.ts"
import { noPython, runProbe } from "./python.ts"

const loader = "/lib64/ld-linux-x86-64.so.2"
const compiles = spawnSync("gcc", ["--version"]).status === 0
const missing = noPython ?? (compiles && existsSync(loader) ? undefined : "there is no gcc for x86-64 on this machine")
if (missing) console.warn(`${missing}: what real ELF files need was not looked at`)

const site = "/opt/venv/lib/python3.11/site-packages"

describe.skipIf(missing)("what programs and libraries need", () => {
  const root = mkdtempSync(join(tmpdir(), "fairlead-linked-"))
  const put = (path: string, text: string) => {
    mkdirSync(dirname(root + path), { recursive: true })
    writeFileSync(root + path, text)
  }
  /** Compiles a library: what it defines, what it calls, and with what options. */
  const library = (path: string, source: string, ...options: string[]) => {
    mkdirSync(dirname(root + path), { recursive: true })
    execFileSync(
      "gcc",
      ["-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", root + path, "-Wl,--no-as-needed", ...options],
      {
        input: source,
      },
    )
  }
  const wheel = (name: string, version: string, ...files: string[]) => {
    const info = `${site}/${name}-${version}.dist-info`
    put(`${info}/METADATA`, `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`)
    put(`${info}/RECORD`, files.map((file) => `${file},sha256=x,\n`).join(""))
  }
  let seen: Libraries
  let used: string[]

  beforeAll(async () => {
    put("/etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n")
    put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    put("/opt/venv/pyvenv.cfg", "version = 3.11.2\n")
    put(
      "/var/lib/dpkg/status",
      "Package: libplain1\nStatus: install ok installed\nPriority: optional\nInstalled-Size: 40\nVersion: 1.0-1\nPre-Depends: libc6 (>= 2.36)\nDepends: debconf (>= 0.5) | cdebconf, tzdata:any\nProvides: libplain (= 1.0)\n",
    )
    put("/var/lib/dpkg/info/libplain1:amd64.list", "/.\n/lib\n/lib/libplain.so.1\n")
    mkdirSync(`${root}/usr/lib`, { recursive: true })
    symlinkSync("usr/lib", `${root}/lib`)

    const gone = join(root, "gone")
    library("/gone/libgone.so.1", "int gone(void) { return 1; }", "-Wl,-soname,libgone.so.1")
    library("/gone/libbeside.so.1", "int beside(void) { return 1; }", "-Wl,-soname,libbeside.so.1")
    library("/gone/libcuda.so.1", "int cuda(void) { return 1; }", "-Wl,-soname,libcuda.so.1")
    // Of Debian, and found by a run path; it needs nothing that is not there.
    library("/usr/lib/libplain.so.1", "int plain(void) { return 1; }", "-Wl,-soname,libplain.so.1")
    library(
      `${site}/sound/_sound.so`,
      "int gone(void); int plain(void); int sound(void) { return gone() + plain(); }",
      `${gone}/libgone.so.1`,
      `${root}/usr/lib/libplain.so.1`,
      `-Wl,-rpath,${root}/usr/lib`,
    )
    library(`${site}/sound/_again.so`, "int gone(void); int again(void) { return gone(); }", `${gone}/libgone.so.1`)
    // Another wheel has it in a folder that no run path names.
    library(`${site}/nvidia/lib/libbeside.so.1`, "int beside(void) { return 1; }", "-Wl,-soname,libbeside.so.1")
    library(
      `${site}/torch/_torch.so`,
      "int beside(void); int torch(void) { return beside(); }",
      `${gone}/libbeside.so.1`,
      `${gone}/libcuda.so.1`,
    )
    // $ORIGIN is the folder of the file: the same section elsewhere finds nothing.
    const relative = ["-Wl,-rpath,$ORIGIN/libs", `${gone}/libgone.so.1`] as const
    library(`${site}/whole/_whole.so`, "int gone(void); int whole(void) { return gone(); }", ...relative)
    library(`${site}/whole/libs/libgone.so.1`, "int gone(void) { return 1; }", "-Wl,-soname,libgone.so.1")
    library(`${site}/torn/_whole.so`, "int gone(void); int whole(void) { return gone(); }", ...relative)
    // Compiled with a newer library than the one that is there.
    put("/gone/new.map", "V_1 { global: old; };\nV_2 { global: fresh; } V_1;\n")
    put("/gone/old.map", "V_1 { global: old; };\n")
    library(
      "/gone/libv.so.1",
      "int old(void) { return 1; } int fresh(void) { return 2; }",
      "-Wl,-soname,libv.so.1",
      `-Wl,--version-script=${gone}/new.map`,
    )
    library(
      `${site}/versioned/_v.so`,
      "int fresh(void); int v(void) { return fresh(); }",
      `${gone}/libv.so.1`,
      "-Wl,-rpath,$ORIGIN",
    )
    library(
      `${site}/versioned/libv.so.1`,
      "int old(void) { return 1; }",
      "-Wl,-soname,libv.so.1",
      `-Wl,--version-script=${gone}/old.map`,
    )
    rmSync(gone, { recursive: true })

    library(`${site}/cut/_cut.so`, "int cut(void) { return 1; }")
    truncateSync(`${root}${site}/cut/_cut.so`, 600)
    put(`${site}/notes/readme.so.txt`, "this is no ELF file, although its name has .so in it; long enough to be one")
    execFileSync("gcc", ["-c", "-x", "c", "-", "-o", `${root}${site}/notes/object.so.o`], { input: "int o;" })
    execFileSync("gcc", ["-static", "-nostdlib", "-x", "c", "-", "-o", `${root}/opt/venv/still`], {
      input: "void _start(void) {}",
    })

    wheel("Sound_File", "0.12.1", "sound/_sound.so", "sound/_again.so")
    wheel("nvidia-beside-cu12", "1.0", "nvidia/lib/libbeside.so.1")
    wheel("torch", "2.2.2", "torch/_torch.so")
    wheel("torn", "1.0", "torn/_whole.so")
    wheel("versioned", "1.0", "versioned/_v.so", "versioned/libv.so.1")
    const ran = await runProbe(
      "contract_probe.py",
      `--root=${root}`,
      "--init=/usr/bin/tini",
      "--entrypoint=/x",
      "--user=10001:10001",
      `--loader=${loader}`,
    )
    expect(ran.stderr).toBe("")
    const inside = insideSchema.parse(JSON.parse(ran.stdout))
    seen = inside.libraries!
    used = inside.used
    expect(inside.debian).toEqual([
      {
        name: "libplain1",
        version: "1.0-1",
        bytes: 40_960,
        priority: "optional",
        essential: false,
        depends: [["libc6"], ["debconf", "cdebconf"], ["tzdata"]],
        provides: ["libplain"],
      },
    ])
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const missed = (name: string) => seen.missing.find(({ library }) => library === name)

  it("is told by library, with the wheels that need it and one of their files", () => {
    expect(missed("libgone.so.1")?.needers).toEqual([
      { owner: { kind: "python", name: "Sound_File" }, count: 2, example: `${site}/sound/_again.so` },
      { owner: { kind: "python", name: "torn" }, count: 1, example: `${site}/torn/_whole.so` },
    ])
  })

  it("is told to be brought where another wheel has it under that name", () => {
    expect(missed("libbeside.so.1")?.brought).toEqual({
      path: `${site}/nvidia/lib/libbeside.so.1`,
      owner: { kind: "python", name: "nvidia-beside-cu12" },
    })
    expect(missed("libcuda.so.1")?.brought).toBeNull()
  })

  it("is found by run paths, also those that begin at the file", () => {
    expect(missed("libplain.so.1")).toBeUndefined()
    expect(JSON.stringify(seen.missing)).not.toContain("whole/_whole.so,")
    expect(missed("libgone.so.1")?.needers.map(({ example }) => example)).not.toContain(`${site}/whole/_whole.so`)
  })

  it("may be there and too old", () => {
    expect(seen.outdated).toEqual([
      {
        library: "libv.so.1",
        version: "V_2",
        needers: [{ owner: { kind: "python", name: "versioned" }, count: 1, example: `${site}/versioned/_v.so` }],
      },
    ])
  })

  it("counts what it looked at, what is static and what is for something else, and tells what it could not see", () => {
    const { unseen, static: still, foreign, looked } = seen
    expect([still, foreign, unseen.count]).toEqual([1, 1, 1])
    expect(unseen.examples[0]).toMatchObject({ path: `${site}/cut/_cut.so` })
    expect(looked).toBe(10)
  })

  it("shows which Debian packages are used", () => {
    expect(used).toEqual(["libplain1"])
  })

  const folder = "/usr/lib/x86_64-linux-gnu"
  const real = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^lib.*\.so\.[0-9]+$/.test(name))
        .slice(0, 60)
    : []

  it.skipIf(real.length === 0)("agrees with ldd about this machine's own libraries", () => {
    const script = `
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
import linked
memo, wrong = {}, []
for path in sys.argv[2:]:
    found = linked.dynamic(path)
    key = linked.looks_the_same(path, found)
    if found["needed"] and key not in memo:
        memo[key] = linked.ask(linked.LOADER, path)[0]
    ours = sorted(name for name in found["needed"] if memo[key].get(name, "") is None)
    said = subprocess.run(["ldd", path], capture_output=True, encoding="utf-8").stdout
    theirs = sorted({line.split()[0] for line in said.splitlines() if "not found" in line} & set(found["needed"]))
    if ours != theirs:
        wrong.append([path, ours, theirs])
print(json.dumps(wrong))
`
    const probes = fileURLToPath(new URL("../../../dagger/lib/gates/probes", import.meta.url))
    const files = [
      ...real.map((name) => join(folder, name)),
      ...seen.missing.flatMap(({ needers }) => needers.map(({ example }) => root + example)),
    ]
    const said = execFileSync("python3", ["-B", "-c", script, probes, ...files], { encoding: "utf8" })
    expect(JSON.parse(said)).toEqual([])
  })
})
