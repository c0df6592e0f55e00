import { execFile } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { commitOf } from "../../../cli/git.ts"
import type { Artifact, Engine, Step } from "../../../dagger/lib/engine/engine.ts"
import { commitIn } from "../../../dagger/lib/module/commit.ts"

const run = promisify(execFile)
const source = { kind: "directory", name: "source", handle: Promise.resolve() } as Artifact
let root = ""
const git = (...argv: string[]) =>
  run("git", ["-C", root, "-c", "user.name=Test", "-c", "user.email=test@example.org", ...argv])

/** Runs the step's own words here, in place of the toolbox. */
const engine = {
  run: async ({ argv: [sh, ...rest], env }: Step) => {
    const argv = rest.map((each) => each.replace("-C /src", `-C ${root}`))
    const ended = await run(sh, argv, { env: { ...process.env, ...env } }).catch((error) => error)
    return { exitCode: ended.code ?? 0, stdout: ended.stdout, stderr: ended.stderr, outputs: {}, seconds: 0 }
  },
} as unknown as Engine
const asked = (...paths: string[]) => commitIn({ engine, checkout: source })(root, paths)

describe("the commit of a module's source", () => {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "commit-"))
    await mkdir(join(root, "a folder"))
    for (const path of ["fleet.yaml", "a folder/b'c.txt", "other.txt"]) await writeFile(join(root, path), path)
    await git("init", "--quiet")
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it("is none before the first one", async () => {
    expect(await asked("fleet.yaml")).toEqual({ uncommitted: ["fleet.yaml"], history: [] })
  })

  it("is what ./fairlead finds, with the paths that changed in each commit", async () => {
    await git("add", "--all")
    await git("commit", "--quiet", "--message", "first")
    await writeFile(join(root, "other.txt"), "second")
    await git("commit", "--quiet", "--all", "--message", "second")
    const paths = ["a folder/b'c.txt", "fleet.yaml"]
    expect(await asked(...paths)).toEqual(await commitOf(root, paths))
    expect((await asked(...paths)).history).toHaveLength(1)
  })

  it("names what is not committed, of the paths that are asked about", async () => {
    await writeFile(join(root, "a folder/b'c.txt"), "changed")
    await writeFile(join(root, "other.txt"), "changed")
    expect((await asked("a folder/b'c.txt")).uncommitted).toEqual(["a folder/b'c.txt"])
  })

  it("is never taken for clean where git fails", async () => {
    await expect(asked("../outside")).rejects.toThrow("ask git for the commit")
  })
})
