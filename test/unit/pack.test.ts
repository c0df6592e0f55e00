import { spawnSync } from "node:child_process"
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const clone = fileURLToPath(new URL("../..", import.meta.url))

/** The tarball that `npm pack` makes, laid out as npm installs it: its dependencies beside it. Nothing is fetched. */
describe("the npm package", () => {
  let box = ""
  let packed: { path: string; mode: number }[] = []
  beforeAll(() => {
    box = mkdtempSync(join(tmpdir(), "fairlead-pack-"))
    const [{ filename, files }] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", box], clone).stdout)
    packed = files
    const modules = join(box, "node_modules")
    mkdirSync(join(modules, "fairlead"), { recursive: true })
    run("tar", ["-xzf", join(box, filename), "--strip-components=1", "-C", join(modules, "fairlead")], box)
    for (const name of readdirSync(join(clone, "node_modules"))) {
      if (!name.startsWith(".") && !name.startsWith("fairlead")) {
        symlinkSync(join(clone, "node_modules", name), join(modules, name))
      }
    }
    mkdirSync(join(modules, ".bin"))
    symlinkSync("../fairlead/fairlead", join(modules, ".bin/fairlead"))
  })
  afterAll(() => rmSync(box, { recursive: true, force: true }))

  const run = (command: string, argv: string[], cwd: string) =>
    spawnSync(command, argv, { encoding: "utf8", cwd, env: { ...process.env, FORCE_COLOR: undefined } })
  const fairlead = (argv: string[], cwd: string) => run(join(box, "node_modules/.bin/fairlead"), argv, cwd)

  it("has every file of the CLI, the steps and the toolbox, programs as programs, and nothing that only Fairlead's tests need", () => {
    const folders = ["cli", "dagger/lib", "dagger/templates", "dagger/toolbox", "schema"]
    const wanted = folders.flatMap((folder) =>
      readdirSync(join(clone, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(clone, join(entry.parentPath, entry.name))),
    )
    const paths = new Set(packed.map(({ path }) => path))
    expect(wanted.filter((path) => !paths.has(path))).toEqual([])
    const programs = wanted.filter((path) => lstatSync(join(clone, path)).mode & 0o100)
    expect(packed.filter(({ path, mode }) => programs.includes(path) && !(mode & 0o100))).toEqual([])
    expect([...paths].filter((path) => /^(test|dockerfiles|apps|compose|node_modules|fleet)\b/.test(path))).toEqual([])
  })

  it("needs nothing that npm would have to look for under a name that is not published", () => {
    const { dependencies } = JSON.parse(readFileSync(join(clone, "package.json"), "utf8"))
    const module = JSON.parse(readFileSync(join(clone, "dagger/package.json"), "utf8"))
    expect(Object.keys(dependencies)).not.toContain(module.name)
    // What the module in dagger/ asks for, the CLI uses as well, since it runs the same code.
    expect(dependencies).toMatchObject(module.dependencies)
  })

  it("starts a fleet in an empty folder and reads it, in a folder of any name", () => {
    const folder = join(box, "my fleet #1")
    mkdirSync(folder)
    const made = fairlead(["init", "--json"], folder)
    expect([made.status, made.stderr]).toEqual([0, ""])
    expect(JSON.parse(made.stdout)).toMatchObject({ schema: 1, name: "my-fleet-1" })
    const families = fairlead(["families", "--json"], folder)
    expect([families.status, families.stderr]).toEqual([0, ""])
    expect(JSON.parse(families.stdout).apps).toMatchObject([{ image: "hello-base", family: "base-python" }])
    expect(fairlead(["compose", "--check"], folder).status).toBe(0)
  })

  it("says where its tests are, which it has not got", () => {
    const told = fairlead(["test"], box)
    expect(told.status).toBe(3)
    expect(told.stderr).toContain("the tests are not part of the package\n  fix: clone")
  })
})
