import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { bakeFile } from "../../../dagger/lib/plan/bake.ts"
import { ignoredBy } from "../../../dagger/lib/plan/ignore.ts"
import { readInputs } from "../../../dagger/lib/plan/inputs.ts"
import { type Plan, planOf } from "../../../dagger/lib/plan/plan.ts"
import { readAsked } from "../../../dagger/lib/plan/reading.ts"
import { smallFleet } from "../../fleets/small.ts"
import { changed } from "../fleet/small.ts"

const fleet = smallFleet({
  apps: `
  greeter: { path: apps/greeter, command: [python, main.py], lock: apps/greeter/requirements.lock, volumes: { state: /var/greeter } }
  clock: { path: apps/clock, command: [python, main.py], standIn: true }
  shell: { command: [sleep, infinity] }`,
  services: `
  Hello: { family: top, hosts: [here], needs: [cpu], port: 7001, healthPort: 8001, app: greeter }
  Howdy: { family: middle, hosts: [here], needs: [cpu], port: 7002, healthPort: 8002, app: greeter }
  Noon: { family: top, hosts: [here], needs: [cpu], port: 7003, healthPort: 8003 }
  Idle: { family: top, hosts: [here], needs: [cpu], port: 7004, healthPort: 8004, app: shell }`,
})

const files: Record<string, string> = {
  "dockerfiles/maker.Dockerfile": "FROM debian:bookworm-slim\n",
  "dockerfiles/bottom.Dockerfile": "FROM debian:bookworm-slim\n",
  "dockerfiles/middle.Dockerfile": "FROM bottom\n",
  "dockerfiles/middle.lock": "starlette==0.37.2 \\\n    --hash=sha256:00\n",
  "dockerfiles/top.Dockerfile": "FROM middle\n",
  "dockerfiles/service.Dockerfile":
    "ARG FAMILY=top\nFROM scratch AS lock\nCOPY --from=app x /\nFROM ${FAMILY}\nRUN --mount=type=bind,from=maker,target=/m true\nCOPY --from=app . /app/\n",
  "apps/greeter/main.py": "print('hello')\n",
  "apps/greeter/requirements.lock": "idna==3.7 \\\n    --hash=sha256:00\n",
  "apps/clock/main.py": "print('noon')\n",
  "apps/clock/.dockerignore": "**/__pycache__\n",
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "apps-"))
})
afterAll(() => rm(folder, { recursive: true }))

/** A repository on disk, with some files written otherwise; null leaves one out. */
async function repository(change: Record<string, string | null> = {}): Promise<string> {
  const root = await mkdtemp(join(folder, "r-"))
  for (const [path, text] of Object.entries({ ...files, ...change })) {
    if (text === null) continue
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}

const commit = { sha: "abc1234def".padEnd(40, "0"), uncommitted: [], history: [] }
const images = ["bottom", "middle", "top", "greeter-t", "greeter-m", "clock-t"]

async function plan(root: string): Promise<Plan> {
  const inputs = await readInputs(root, fleet, images)
  const bases = { bookworm: `sha256:${"a".repeat(64)}` }
  return planOf(fleet, { families: images, inputs, bases, commit, now: new Date(0), known: {} })
}

const prints = async (root: string) =>
  Object.fromEntries((await plan(root)).families.map(({ family, fingerprint }) => [family, fingerprint]))

const differing = async (change: Record<string, string | null>): Promise<string[]> => {
  const [before, after] = [await prints(await repository()), await prints(await repository(change))]
  return images.filter((image) => before[image] !== after[image])
}

describe("what an app image is made of", () => {
  it("changes with the app's code, and nothing else does", async () => {
    expect(await differing({ "apps/greeter/main.py": "print('hi')\n" })).toEqual(["greeter-t", "greeter-m"])
    expect(await differing({ "apps/clock/new.py": "" })).toEqual(["clock-t"])
  })

  it("changes with the app's lock, and says which package moved", async () => {
    const lock = "idna==3.8 \\\n    --hash=sha256:00\n"
    expect(await differing({ "apps/greeter/requirements.lock": lock })).toEqual(["greeter-t", "greeter-m"])
    const made = (await plan(await repository())).families.find(({ family }) => family === "greeter-t")!
    expect(made.ingredients.pins).toEqual({ idna: "3.7" })
  })

  it("changes with its family, and not with another one", async () => {
    expect(await differing({ "dockerfiles/top.Dockerfile": "FROM middle\nRUN true\n" })).toEqual([
      "top",
      "greeter-t",
      "clock-t",
    ])
  })

  it("does not change with what .dockerignore leaves out", async () => {
    expect(await differing({ "apps/clock/deep/__pycache__/main.cpython-311.pyc": "x" })).toEqual([])
    expect(await differing({ "apps/greeter/__pycache__/main.cpython-311.pyc": "x" })).toEqual([
      "greeter-t",
      "greeter-m",
    ])
  })

  it("keeps a link a link, wherever it leads", async () => {
    const [to, elsewhere] = [await repository(), await repository()]
    await symlink("/etc/passwd", join(to, "apps/clock/link"))
    await symlink("/etc/group", join(elsewhere, "apps/clock/link"))
    const inputs = await readInputs(to, fleet, ["clock-t"])
    expect(inputs["clock-t"]!.files["apps/clock/link"]).toMatch(/^[0-9a-f]{64} link$/)
    expect((await prints(to))["clock-t"]).not.toBe((await prints(elsewhere))["clock-t"])
  })

  it.each([
    [{ "apps/clock/main.py": null, "apps/clock/.dockerignore": null }, "there is no folder apps/clock"],
    [{ "apps/clock/main.py": null, "apps/clock/.dockerignore": "*\n" }, "apps/clock holds no files"],
    [{ "apps/clock/requirements.lock": "a==1\n" }, "apps.clock.lock: apps/clock/requirements.lock is there"],
    [{ "apps/clock/.dockerignore": "[z-a]\n" }, "apps/clock/.dockerignore: has a pattern that cannot be read"],
    [{ "dockerfiles/service.Dockerfile": null }, "dockerfiles/service.Dockerfile does not exist"],
  ])("refuses %j in a sentence", async (change, sentence) => {
    await expect(plan(await repository(change))).rejects.toThrow(sentence)
  })
})

describe("the bake target of an app image", () => {
  const target = async (name: string) =>
    bakeFile(fleet, await readInputs(await repository(), fleet, images), {
      root: "/src",
      families: images,
      bases: {},
      baseDigests: {},
      revisions: {},
      secrets: [],
    }).target[name]!

  it("is service.Dockerfile on the family's target, with the app's folder as its context app", async () => {
    expect(await target("greeter-m")).toMatchObject({
      context: "/src/dockerfiles",
      dockerfile: "service.Dockerfile",
      contexts: { middle: "target:middle", maker: "target:maker", app: "/src/apps/greeter" },
      args: { FLAVOUR: "plain", FAMILY: "middle", LOCK: "requirements.lock", FOLDERS: "/var/greeter" },
      labels: {
        "org.opencontainers.image.title": "greeter-m",
        "dev.fairlead.family": "middle",
        "dev.fairlead.app": "greeter",
        "dev.fairlead.stand-in": "false",
      },
    })
  })

  it("says that the stand-in is one", async () => {
    expect((await target("clock-t")).labels).toMatchObject({ "dev.fairlead.stand-in": "true" })
    expect((await target("clock-t")).args).not.toHaveProperty("LOCK")
  })
})

describe("asking for images", () => {
  const asked = async (what: Parameters<typeof readAsked>[1]) =>
    (await readAsked({ root: await repository(), fleet }, what, async () => commit)).asked

  it("takes a family alone, an app's images, or what a service runs", async () => {
    expect(await asked({ families: ["t"] })).toEqual(["top"])
    expect(await asked({ apps: ["greeter"] })).toEqual(["greeter-t", "greeter-m"])
    expect(await asked({ services: ["hello", "Noon", "Idle"] })).toEqual(["greeter-t", "clock-t", "top"])
    expect(await asked({ families: ["clock-t"] })).toEqual(["clock-t"])
  })

  it("takes families only, or everything", async () => {
    expect(await asked({ all: "families" })).toEqual(["bottom", "middle", "top"])
    expect(await asked({ all: true })).toEqual(images)
  })

  it("says why an app has no image", async () => {
    await expect(asked({ apps: ["shell"] })).rejects.toThrow("apps.shell: has no path")
    await expect(asked({ apps: ["clack"] })).rejects.toThrow(/there is no app "clack"; did you mean clock\?/)
  })

  it("leaves out images on families that cannot be built yet", async () => {
    const model = parseFleet(changed("llm, hosts", "llm, app: stand-in, hosts"))
    const reading = readAsked({ root: "/nowhere", fleet: model }, { apps: ["stand-in"] }, async () => commit)
    await expect(reading).rejects.toThrow("runs on plain, llm only, which cannot be built yet")
  })
})

describe(".dockerignore", () => {
  it.each([
    ["a", ["a", "a/b"], ["b", "b/a", "ab"]],
    ["/a/", ["a", "a/b"], ["b/a"]],
    ["*.pyc", ["x.pyc"], ["d/x.pyc", "x.py"]],
    ["**/*.pyc", ["x.pyc", "d/e/x.pyc"], ["x.pyc.txt"]],
    ["**/__pycache__", ["__pycache__/x", "d/__pycache__/x"], ["d/pycache"]],
    ["?.txt", ["a.txt"], ["ab.txt", "/.txt"]],
    ["[ab].txt", ["a.txt"], ["c.txt"]],
    ["*\n!keep", ["other"], ["keep", "keep/inside"]],
    ["docs\n!docs/a\ndocs/a/b", ["docs/x", "docs/a/b"], ["docs/a", "docs/a/c"]],
    ["# a\n\n  \n!\n", [], ["a", "#"]],
    ["a.b+(c)$", ["a.b+(c)$"], ["aXb+(c)$"]],
  ])("%j leaves out what docker leaves out", (text, out, kept) => {
    const ignored = ignoredBy(text)
    expect(out.filter((path) => !ignored(path))).toEqual([])
    expect(kept.filter((path) => ignored(path))).toEqual([])
  })
})
