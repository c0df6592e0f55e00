import { link, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { demoYard, yardFile } from "../../cli/demo/yard.ts"
import { signingKeyPath } from "../../cli/keys.ts"
import { findDagger } from "../../cli/setup/engine.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { saveToolbox } from "../../cli/setup/toolbox.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { containersOn, silent, ssh, whileRollingOut } from "../e2e/rollout-yard.ts"
import type { Told } from "../e2e/yard.ts"
import { candidates } from "./engines.ts"

const asksRegistry = new Set(["preflight", "deploy", "rollback"])

const { skip } = candidates.find(({ name }) => name === "dagger")!

/** The module deploys what ./fairlead deploys, and each of them leaves alone what the other one did. */
// Each command on a host is a step of an engine: some twenty seconds for a look, minutes for a rollout.
describe.skipIf(skip)("rolling out by the Dagger module", { timeout: 1_800_000 }, () => {
  // What it is compared with is the other engine.
  beforeAll(() => void vi.stubEnv("FAIRLEAD_ENGINE", "docker"))
  afterAll(() => void vi.unstubAllEnvs())
  const on = whileRollingOut({ org: "rollout-conformance" })
  let toolbox = ""
  beforeAll(async () => {
    toolbox = await mkdtemp(join(tmpdir(), "toolbox-"))
    for (const part of ["sign", "ssh"] as const) {
      const archive = await saveToolbox(part)
      await link(archive, join(toolbox, basename(archive)))
    }
  })
  afterAll(() => rm(toolbox, { recursive: true, force: true }))

  const call = (...argv: string[]): Promise<Told> => callOn(yardFile(), ...argv)

  async function callOn(yard: string, ...argv: string[]): Promise<Told> {
    const { cli } = await findDagger()
    const { hosts } = (await demoYard())!
    const [{ identityFile }] = Object.values(hosts) as [(typeof hosts)[string]]
    const { exitCode, stdout, stderr } = await execa(
      cli!,
      [
        ...["--silent", "call", "--mod", fairleadRoot, "--source", on.checkout.root, "--toolbox", toolbox],
        ...["--registry", `${registryAddress()}/${on.org}`],
        ...["--signing-key", `file://${signingKeyPath()}`, "--yard", yard, "--ssh-key", `file://${identityFile}`],
        ...Object.values(hosts).flatMap(({ address, port }) => ["--host-service", `tcp://${address}:${port}`]),
        ...argv,
        ...(asksRegistry.has(argv[0]!) ? ["--registry-service", `tcp://${registryAddress()}`] : []),
      ],
      { cwd: on.checkout.root, env: { FORCE_COLOR: undefined }, reject: false, stdin: "ignore" },
    )
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }

  it("finds the hosts ready, and brings every service up healthy", async () => {
    const ready = await call("preflight")
    expect([ready.exitCode, ready.stdout], ready.stderr).toEqual([0, expect.stringContaining("mainpc")])
    const deployed = await call("deploy", "--by", "conformance")
    expect(deployed.exitCode, deployed.stderr).toBe(0)
    expect(deployed.stdout).toMatch(/deployed +\d+ of \d+ services changed and healthy/)
    expect(await silent()).toEqual([])
  })

  it("leaves everything alone the second time, and so does ./fairlead", async () => {
    const before = { mainpc: await containersOn("mainpc"), pc2: await containersOn("pc2") }
    const again = await call("deploy")
    expect([again.exitCode, again.stdout], again.stderr).toEqual([0, expect.stringContaining("nothing to do")])
    const { report } = await on.rolls()
    expect(report.hosts.flatMap(({ services }) => services.map(({ state }) => state))).not.toContain("healthy")
    expect({ mainpc: await containersOn("mainpc"), pc2: await containersOn("pc2") }).toEqual(before)
  })

  it("says what runs and who brought it, as ./fairlead does", async () => {
    const [status, own] = [await call("status"), await on.tells(["status"])]
    expect(status.exitCode, status.stderr).toBe(0)
    const told = (text: string) => text.split("\n").filter((line) => /deployed|healthy/.test(line))
    expect(told(status.stdout)).toEqual(told(own.stdout))
    const history = await call("history")
    expect([history.exitCode, history.stdout], history.stderr).toEqual([0, expect.stringContaining("conformance")])
  })

  it("goes back to what was good before a run of ./fairlead", async () => {
    const before = await containersOn("mainpc")
    await on.run("Executor", { LOG_LEVEL: "debug" })
    expect((await on.tells(["deploy"])).exitCode).toBe(0)
    const back = await call("rollback")
    expect(back.exitCode, back.stderr).toBe(0)
    const after = await containersOn("mainpc")
    expect(after.executor!.definition).toBe(before.executor!.definition)
    expect(await silent()).toEqual([])
  })

  it("goes to a release by its tag", async () => {
    const shown = await ssh("mainpc", `docker inspect --format '{{index .Config.Labels "dev.fairlead.tag"}}' executor`)
    const tag = shown.stdout.trim()
    expect(tag).toMatch(/^\d{8}-[0-9a-f]{7}/)
    const plan = await call("rollback", "--to", tag, "--plan")
    expect([plan.exitCode, plan.stdout], plan.stderr).toEqual([0, expect.stringContaining(tag)])
    const to = await call("rollback", "--to", tag)
    // The image of that release, run as fleet.yaml says it now: with what the case before wrote there.
    expect(to.exitCode, to.stderr).toBe(0)
    expect(to.stdout).toMatch(/deployed +1 of 7 services changed and healthy, 6 untouched/)
    expect(await silent()).toEqual([])
    const none = await call("rollback", "--to", "20200101-0123456")
    expect([none.exitCode, none.stderr]).toEqual([1, expect.stringContaining("20200101-0123456")])
  })

  it("says how a service failed, and takes it back", async () => {
    const before = await containersOn("mainpc")
    await on.run("Executor", { FAIRLEAD_FAIL: "health500" })
    const failed = await call("deploy")
    await on.run("Executor")
    expect([failed.exitCode, failed.stdout]).toEqual([1, ""])
    expect(failed.stderr).toMatch(/failed +✗ Executor on mainpc/)
    expect(failed.stderr).toContain("1 service is taken back and healthy")
    expect((await containersOn("mainpc")).executor!.definition).toBe(before.executor!.definition)
    expect(await silent()).toEqual([])
  })

  it("says nothing to a host that shows another key than the one that is written down", async () => {
    const yard = join(toolbox, "hosts.yaml")
    const other = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"a".repeat(43)}`
    await writeFile(yard, (await readFile(yardFile(), "utf8")).replace(/hostKey: .*/g, `hostKey: ${other}`))
    const { stderr, exitCode } = await callOn(yard, "status", "--host", "pc2")
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("it does not show the key that is written down")])
  })
})
