import { cp, link, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { caBundle } from "../../cli/ca.ts"
import { signingKeyPath } from "../../cli/keys.ts"
import { baseLayout } from "../../cli/setup/bases.ts"
import { findDagger } from "../../cli/setup/engine.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { saveToolbox } from "../../cli/setup/toolbox.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import { fairlead, type Told } from "../e2e/yard.ts"

const { cli, answers, detail } = await findDagger()
if (!answers) console.warn(`no Dagger engine is reachable (${detail}): the Dagger module was not called`)
const cases = answers ? it : it.skip

/** A repository that holds a fleet and nothing else; the module is another one's, as a user of it has it. */
// The first call readies the module and an empty BuildKit: minutes on a busy machine.
describe("the Dagger module, called from another repository", { timeout: 1_800_000 }, () => {
  const registry = `${registryAddress()}/module-${Date.now()}`
  let root = ""
  const git = async (...argv: string[]) =>
    execa("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", ...argv], { cwd: root })
  const dagger = async (...argv: string[]): Promise<Told> => {
    const env = { DAGGER_NO_NAG: "1", DO_NOT_TRACK: "1", NO_COLOR: "1", FORCE_COLOR: undefined }
    const ran = await execa(cli!, ["--progress", "plain", ...argv], { cwd: root, env, reject: false, stdin: "ignore" })
    return { exitCode: ran.exitCode ?? -1, stdout: ran.stdout, stderr: ran.stderr }
  }
  const called = async (...argv: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await dagger("call", "fairlead", ...argv)
    expect(exitCode, stderr.slice(-3000)).toBe(0)
    return stdout.trim()
  }

  beforeAll(async () => {
    if (!answers) return
    root = await mkdtemp(join(tmpdir(), "fleet-"))
    await fairlead(["init", root])
    await git("init", "--quiet")
    // What would be fetched from a repository of its own.
    const kept = (path: string) => !/\/(node_modules|sdk|test)(\/|$)/.test(path.slice(fairleadRoot.length))
    for (const part of ["dagger.json", "dagger"]) {
      await cp(join(fairleadRoot, part), join(root, "vendor/fairlead", part), { recursive: true, filter: kept })
    }
    await writeDefaults(root, registry)
    const { exitCode, stderr } = await dagger("init")
    expect(exitCode, stderr).toBe(0)
    const installed = await dagger("toolchain", "install", "./vendor/fairlead")
    expect(installed.exitCode, installed.stderr).toBe(0)
    await writeFile(join(root, ".gitignore"), ".env\n.dagger-files/\n")
    await git("add", "--all")
    await git("commit", "--quiet", "--message", "a fleet")
  })
  afterAll(() => rm(root || join(tmpdir(), "none"), { recursive: true, force: true }))

  cases("works on the caller's fleet, as a toolchain", async () => {
    expect(await called("families")).toMatch(/base-python +base +debian[\s\S]*hello-base/)
    expect(await called("plan")).toContain("base-python")
  })

  cases("builds the very bytes that ./fairlead builds on Docker", async () => {
    const digest = await called("build", "--family", "hello-base", "digest")
    const env = { FAIRLEAD_ENGINE: "docker", FAIRLEAD_HOME: process.env.FAIRLEAD_HOME ?? "" }
    const docker = await fairlead(["build", "--family", "hello-base", "--json"], { cwd: root, env })
    expect(docker.exitCode, docker.stderr).toBe(0)
    const { families } = JSON.parse(docker.stdout) as { families: { family: string; digest: string }[] }
    expect(digest).toBe(families.find(({ family }) => family === "hello-base")!.digest)
    expect(await called("build", "--family", "hello-base", "container", "with-exec", "--args=id,-u", "stdout")).toBe(
      "10001",
    )
  })

  cases("ships to a registry on loopback, signed, and is believed there by ./fairlead on Docker", async () => {
    const told = await called("ship", "--family", "hello-base")
    expect(told).toMatch(/shipped +2 images to /)
    expect(told).toContain("records are signed with")
    const again = await called("ship", "--family", "hello-base")
    expect(again).toContain("2 families unchanged, 0 built")
    expect(await called("verify", "--ref", "hello-base")).toContain("contract")
    const env = { FAIRLEAD_ENGINE: "docker", FAIRLEAD_HOME: process.env.FAIRLEAD_HOME ?? "" }
    const docker = await fairlead(["ship", "--family", "hello-base", "--registry", registry, "--json"], {
      cwd: root,
      env,
    })
    expect(docker.exitCode, docker.stderr).toBe(0)
    const { families } = JSON.parse(docker.stdout) as { families: { reused: boolean; reason: string }[] }
    expect(families.map(({ reused, reason }) => [reused, reason])).toEqual(
      Array(2).fill([true, "built on another machine"]),
    )
  })

  cases("checks the fleet offline, and says which file is not right", async () => {
    const good = await dagger("check")
    expect(good.exitCode, good.stderr.slice(-3000)).toBe(0)
    const file = join(root, "dockerfiles/requirements/python-builder.in")
    const text = await readFile(file, "utf8")
    await writeFile(file, `${text}left-pad\n`)
    const bad = await dagger("check")
    await writeFile(file, text)
    expect(bad.exitCode).toBe(1)
    expect(bad.stderr + bad.stdout).toContain("left-pad is not there, and dockerfiles/requirements/python-builder.in")
  })

  cases("starts a fleet, and overwrites none", async () => {
    const folder = join(root, "new")
    await called("--source", "./vendor", "init", "--name", "garage", "export", "--path", folder)
    expect((await loadFleet(folder)).name).toBe("garage")
    const refused = await dagger("call", "fairlead", "init", "--name", "garage")
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr).toContain("fleet.yaml: there already, and init overwrites nothing")
  })
})

/** Where toolbox and bases are, as `fairlead setup --dagger` writes it down; of this test's own. */
async function writeDefaults(root: string, registry: string): Promise<void> {
  const toolbox = join(root, ".dagger-files/toolbox")
  const bases = join(root, ".dagger-files/bases")
  await Promise.all([toolbox, bases].map((folder) => mkdir(folder, { recursive: true })))
  for (const part of ["build", "sbom", "run", "scan", "sign", "lint"] as const) {
    const archive = await saveToolbox(part)
    // A link costs nothing; across file systems there is none.
    await link(archive, join(toolbox, basename(archive))).catch(() => cp(archive, join(toolbox, basename(archive))))
  }
  const fleet = await loadFleet(root)
  for (const base of Object.values(fleet.bases)) {
    const { path } = await baseLayout(base, fleet.epoch)
    await cp(path, join(bases, basename(path)), { recursive: true })
  }
  const ca = caBundle()
  const lines = [
    `FAIRLEAD_TOOLBOX=${toolbox}`,
    `FAIRLEAD_BASES=${bases}`,
    ...(ca ? [`FAIRLEAD_CA=file://${ca}`] : []),
    `FAIRLEAD_REGISTRY=${registry}`,
    `FAIRLEAD_SIGNINGKEY=file://${signingKeyPath()}`,
    ...["SHIP", "VERIFY"].map((name) => `FAIRLEAD_${name}_REGISTRYSERVICE=tcp://${registryAddress()}`),
  ]
  await writeFile(join(root, ".env"), `${lines.join("\n")}\n`)
}
