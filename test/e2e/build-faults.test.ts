import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fairleadRoot } from "../../cli/version.ts"
import { Checkout, fairlead } from "./yard.ts"

// The builder of this machine is taken away from under a build: nothing else may build here meanwhile.
const builder = "fairlead-buildkit"
const dockerfile = "dockerfiles/base-python.Dockerfile"
let checkout: Checkout

beforeAll(async () => {
  checkout = await Checkout.make()
})
afterAll(() => checkout.remove())

const root = async (...argv: string[]) => (await promisify(execFile)(argv[0]!, argv.slice(1))).stdout.trim()
const build = () => fairlead(["build", "--family", "base", "--verbose"], { cwd: checkout.root })

/** One step of the test's own, the last one before the image's user is set. */
const withStep = (command: string) =>
  checkout.change(dockerfile, (text) => text.replace(/^(?:RUN : fault;.*\n)?USER /m, `RUN : fault; ${command}\nUSER `))

describe("a builder that is killed during a build", () => {
  it("is told as that, and the next build begins where this one was", async () => {
    await withStep(`echo marked ${Date.now()}; sleep 120`)
    const child = execa(join(fairleadRoot, "fairlead"), ["build", "--family", "base", "--verbose"], {
      cwd: checkout.root,
      reject: false,
      stdin: "ignore",
      all: true,
      env: { FORCE_COLOR: undefined },
    })
    let killed: Promise<string> | undefined
    child.all.on("data", (data: Buffer) => {
      if (/marked \d+/.test(String(data))) killed ??= root("docker", "kill", builder)
    })
    const { exitCode, all } = await child
    await killed
    expect(killed, all).toBeDefined()
    expect(exitCode, all).toBe(3)
    expect(all).toMatch(/the builder (?:ended|went away) while it built/)
    expect(all).toMatch(/fix: .*again/)
    expect(all).not.toMatch(/\n\s+at /)

    await withStep("echo well again")
    const again = await build()
    expect(again.exitCode, again.stderr).toBe(0)
    // Only the step that changed ran once more.
    expect(again.stderr).toMatch(/cached|CACHED/)
  })
})

// It takes a file system of its own at the place of Docker's volume: root, and the program that makes one.
const mayMount = process.getuid?.() === 0 && ["/usr/sbin", "/sbin"].some((at) => existsSync(join(at, "mkfs.ext4")))

describe.skipIf(!mayMount)("a builder whose disk is full", () => {
  let folder: string
  let state: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "full-"))
    state = await root("docker", "volume", "inspect", "--format", "{{.Mountpoint}}", builder)
    // What a run of these tests left that was killed.
    while (
      await root("umount", state).then(
        () => true,
        () => false,
      )
    );
    const disk = join(folder, "disk")
    await writeFile(disk, "")
    await root("truncate", "--size", "2G", disk)
    await root("mkfs.ext4", "-q", disk)
    // Docker gives containers what is at the volume's place: a small file system of its own for as long as this takes.
    await root("mount", "-o", "loop", disk, state)
    await root("fallocate", "--length", "100M", join(state, "ballast"))
  })
  afterAll(async () => {
    await root("umount", state)
    await rm(folder, { recursive: true })
  })

  it("is told as that, and once somebody made room the next build passes", async () => {
    await withStep("head -c 3000000000 /dev/zero >/usr/local/full")
    const { exitCode, stderr } = await build()
    expect(exitCode, stderr).toBe(3)
    expect(stderr).toMatch(/no space left on device/i)
    expect(stderr).toMatch(/fix: .*(?:room|prune|disk)/)
    expect(stderr).not.toMatch(/\n\s+at /)

    await rm(join(state, "ballast"))
    await withStep("echo well again")
    const again = await build()
    expect(again.exitCode, again.stderr).toBe(0)
    expect(again.stderr).toMatch(/cached|CACHED/)
    // What the failed step wrote is gone.
    const { bavail, blocks } = await statfs(state)
    expect(bavail).toBeGreaterThan(blocks / 2)
  })
})
