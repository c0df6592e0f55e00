import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { initVerb } from "../../../cli/verbs/init.ts"
import { loadFleet, parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { fleetTemplate, type NewFile, nameFor, toWrite } from "../../../dagger/lib/init/template.ts"
import { dockerfileNeeds } from "../../../dagger/lib/plan/dockerfile.ts"
import { Problem } from "../../../dagger/lib/problem.ts"
import { documents } from "../../../dagger/lib/report/documents.ts"

const clone = fileURLToPath(new URL("../../..", import.meta.url))
const files = await fleetTemplate()
const paths = files.map(({ path }) => path)
const textOf = (path: string, of: readonly NewFile[] = files): string => of.find((file) => file.path === path)!.text

describe("the fleet to start from", () => {
  it("is one family, one service with code of its own, one host", () => {
    const fleet = parseFleet(textOf("fleet.yaml"))
    expect([fleet.families, fleet.services, fleet.hosts, fleet.apps].map((each) => Object.keys(each))).toEqual([
      ["base-python"],
      ["Hello"],
      ["main"],
      ["hello"],
    ])
    expect(fleet.apps.hello!.standIn).toBe(false)
  })

  it("has every file that its Dockerfiles and fleet.yaml name, and no other", () => {
    const fleet = parseFleet(textOf("fleet.yaml"))
    const dockerfiles = paths.filter((path) => path.endsWith(".Dockerfile"))
    const read = dockerfiles.flatMap((path) => dockerfileNeeds(textOf(path)).paths).map((path) => `dockerfiles/${path}`)
    const named = [
      ...dockerfiles,
      ...read,
      ...Object.values(fleet.builders).flatMap(({ lock }) => [lock!, lock!.replace(/lock$/, "in")]),
    ]
    const others = ["apps/hello/main.py", "compose/main.profile.json", "compose/main.yaml"]
    expect([...new Set(named), ...others, "dockerfiles/.hadolint.yaml", "fleet.yaml"].sort()).toEqual(paths)
  })

  it("has the Dockerfiles and programs of this repository, byte for byte; `npm run schema` copies them anew", async () => {
    for (const path of paths.filter((each) => each.startsWith("dockerfiles/"))) {
      expect(textOf(path), path).toBe(await readFile(join(clone, path), "utf8"))
    }
  })

  it("makes programs of what begins like one", () => {
    expect(files.filter(({ executable }) => executable).map(({ path }) => path)).toEqual(
      ["entrypoint/fairlead-entrypoint", "entrypoint/fairlead-health"]
        .concat(["steps/apt-get-install", "steps/compile-python", "steps/slim-python", "steps/uv-install"])
        .map((path) => `dockerfiles/${path}`),
    )
  })

  it("carries the name that it is given, and its images do", async () => {
    const other = await fleetTemplate("garage")
    const fleet = parseFleet(textOf("fleet.yaml", other))
    expect([fleet.name, fleet.registry]).toEqual(["garage", { host: "127.0.0.1:5000", org: "garage" }])
    expect(textOf("compose/main.yaml", other)).toContain("127.0.0.1:5000/garage}/hello-base")
    await expect(fleetTemplate("No Label")).rejects.toThrow(/--name: "No Label" is not a DNS label/)
  })
})

describe("nameFor", () => {
  it.each([
    ["/home/ada/my-fleet", "my-fleet"],
    ["/srv/Ada's Fleet (2)", "ada-s-fleet-2"],
    ["/", "my-fleet"],
    ["/tmp/日本", "my-fleet"],
    [`/tmp/${"x".repeat(200)}`, "x".repeat(40)],
  ])("of %s is %s", (path, name) => expect(nameFor(path)).toBe(name))
})

describe("toWrite", () => {
  it("leaves what is the same, and refuses what is not, by name", () => {
    expect(toWrite(files, { "fleet.yaml": textOf("fleet.yaml") }, "here").map(({ path }) => path)).toEqual(
      paths.filter((path) => path !== "fleet.yaml"),
    )
    expect(() => toWrite(files, { "fleet.yaml": "schema: 1\n" }, "here")).toThrow(
      "here: fleet.yaml: there already, and init overwrites nothing\n  fix: ",
    )
  })
})

describe("fairlead init", () => {
  let root = ""
  beforeEach(async () => {
    root = join(await mkdtemp(join(tmpdir(), "init-")), "a fleet")
    vi.stubEnv("GIT_CEILING_DIRECTORIES", tmpdir())
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(dirname(root), { recursive: true })
  })

  const init = async (...argv: string[]): Promise<string> => {
    const told: string[] = []
    const log = vi.spyOn(console, "log").mockImplementation((text: string) => void told.push(text))
    await initVerb()
      .parseAsync([root, ...argv], { from: "user" })
      .finally(() => log.mockRestore())
    return told.join("\n")
  }

  it("writes a fleet that loads, and says what to type next", async () => {
    const told = await init()
    expect(told).toContain("wrote    apps/ (1), compose/ (2), dockerfiles/ (13), fleet.yaml")
    expect(told).toMatch(/next {5}cd ".*a fleet"\n +git init\n +git add --all .*\n +fairlead ship --all$/)
    expect((await loadFleet(root)).name).toBe("a-fleet")
    const modes = ["steps/uv-install", "service.Dockerfile"].map((each) => stat(join(root, "dockerfiles", each)))
    expect((await Promise.all(modes)).map(({ mode }) => mode & 0o111)).toEqual([0o111, 0])
  })

  it("goes on where it was cut off, and the second time writes nothing", async () => {
    await init()
    await rm(join(root, "dockerfiles"), { recursive: true })
    expect(documents.init.parse(JSON.parse(await init("--json"))).written).toHaveLength(13)
    expect(await init()).toContain("kept     everything is there already")
  })

  it("writes nothing at all where a file of that name is another one, or a folder", async () => {
    for (const mine of ["apps/hello/main.py", "fleet.yaml/folder"]) {
      await mkdir(dirname(join(root, mine)), { recursive: true })
      await writeFile(join(root, mine), "mine\n")
      const error = await init().catch((each: unknown) => each)
      expect(error).toBeInstanceOf(Problem)
      expect((error as Problem).exitCode).toBe(2)
      expect((error as Problem).message).toContain(`${mine.replace("/folder", "")}: there already`)
      expect(await readFile(join(root, mine), "utf8")).toBe("mine\n")
      await expect(stat(join(root, "dockerfiles"))).rejects.toThrow("ENOENT")
      await rm(root, { recursive: true })
    }
  })
})
