import { readdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { describe, expect, it } from "vitest"
import { chooseHosts } from "../../cli/hosts/choose.ts"
import { SshHosts } from "../../cli/hosts/ssh.ts"
import { registryAddress } from "../../cli/setup/registry.ts"
import { fairleadRoot } from "../../cli/version.ts"
import { loadFleet } from "../../dagger/lib/fleet/load.ts"
import { documents } from "../../dagger/lib/report/documents.ts"
import { demo, docker, ssh, until, whileUp } from "./demo-yard.ts"
import { fairlead } from "./yard.ts"

const up = whileUp("--disk", "3 GB")

// Nothing was ever shipped there, so that what this machine shipped before changes nothing here.
const org = `preflight-${process.pid}`
const preflight = async (...argv: string[]) => {
  const all = ["preflight", "--json", "--registry", `${registryAddress()}/${org}`, ...argv]
  const { exitCode, stdout, stderr } = await fairlead(all, { cwd: fairleadRoot })
  if (!stdout.startsWith("{")) throw new Error(`preflight told nothing, exit ${exitCode}: ${stderr}`)
  return { exitCode, ...documents.preflight.parse(JSON.parse(stdout)) }
}
const onYard = (...argv: string[]) => preflight("--yard", "demo", ...argv)

type Told = Awaited<ReturnType<typeof preflight>>
const failures = ({ hosts }: Told) =>
  hosts.flatMap(({ host, checks }) =>
    checks.filter(({ state }) => state === "failed").map(({ check }) => `${host} ${check}`),
  )
const checkOf = ({ hosts }: Told, name: string) => hosts[0]?.checks.find(({ check }) => check === name)
const container = () => up.yard.hosts.pc2!.container

describe("a host that is spoken to", () => {
  it("takes each word as it is, 30 at once over one connection", async () => {
    const { targets } = await chooseHosts(await loadFleet(fairleadRoot), { hosts: ["pc2"], yard: "demo" })
    const shell = await SshHosts.open(targets)
    try {
      const words = ["$(id)", "'; id #", "a\nb", "`id`", "-n", "*", "\\'", "", "${HOME}", '"'].flatMap((word) => [
        word,
        word,
        word,
      ])
      const said = await Promise.all(words.map((word) => shell.run("pc2", ["printf", "<%s>", word])))
      expect(said.map(({ stdout }) => stdout)).toEqual(words.map((word) => `<${word}>`))
      expect((await shell.run("pc2", ["sh", "-c", "exit 7"])).exitCode).toBe(7)
      expect((await shell.run("pc2", ["cat"], { input: "given" })).stdout).toBe("given")
      expect((await shell.run("pc2", ["printf", "\\033]0;owned\\007\\033[2Jshown"])).stdout).toBe("shown")
      const failed = async (...argv: [string, ...string[]]) =>
        shell.run("pc2", argv, { timeoutSeconds: 2 }).catch((error) => error.reason)
      const began = performance.now()
      expect([await failed("sleep", "60"), await failed("yes")]).toEqual(["slow", "lost"])
      expect(performance.now() - began).toBeLessThan(10_000)
      expect((await shell.run("pc2", ["hostname"])).stdout).toBe("pc2\n")
    } finally {
      await shell.close()
    }
  })
})

describe("preflight on healthy hosts", () => {
  it("fails nothing, and says what nobody looked at", async () => {
    const told = await onYard()
    expect([told.exitCode, told.ready, failures(told)]).toEqual([0, true, []])
    expect([told.yard, told.hosts.map(({ host }) => host)]).toEqual([up.yard.name, ["mainpc", "pc2"]])
    for (const { checks } of told.hosts) {
      const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]))
      const ok = ["docker", "compose", "driver", "disk", "clock", "registry", "ports", "rollback"]
      expect(states).toMatchObject(Object.fromEntries(ok.map((check) => [check, "ok"])))
      expect(states.cuda).toBe("unknown")
      expect(checks.find(({ check }) => check === "registry")!.evidence).toContain("can be given a tunnel")
    }
  })

  it("leaves no connection and no file of a key behind", async () => {
    const before = await folders()
    await onYard("--host", "pc2")
    expect(await folders()).toEqual(before)
    await until(10, async () => (await ssh("pc2", "pgrep -c -u fairlead -x sshd-session")).stdout.trim() === "1")
  })

  it("asks the hosts that it is told to, and those of fleet.yaml once it has their keys", async () => {
    const own = await fairlead(["preflight", "--yard", "fleet"], { cwd: fairleadRoot })
    expect([own.exitCode, own.stderr]).toEqual([2, expect.stringContaining("hosts.pc2.hostKey")])
    const said = await fairlead(["preflight", "--host", "pc2"], { cwd: fairleadRoot, env: { FAIRLEAD_YARD: "demo" } })
    expect([said.exitCode, said.stdout]).toEqual([0, expect.stringContaining(`yard     ${up.yard.name}`)])
  })
})

const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("fairlead-ssh-"))

describe("preflight on a host with a fault", () => {
  it.each([
    ["clock", "+86400", "clock", "+86"],
    ["clock", "-3600", "clock", "-3"],
    ["driver", "525.60", "driver", "525.60"],
    ["disk", "20 MB", "disk", "20 MB free"],
  ])("%s %s: fails %s, and nothing else", async (fault, value, check, evidence) => {
    await demo("break", "pc2", fault, "--", value)
    const told = await onYard()
    await demo("mend", "pc2")
    expect([told.exitCode, told.ready, failures(told)]).toEqual([1, false, [`pc2 ${check}`]])
    const found = told.hosts[1]!.checks.find((each) => each.check === check)!
    expect([found.evidence, found.fix]).toEqual([expect.stringContaining(evidence), expect.any(String)])
  })

  it.each([
    ["key", "key"],
    ["ssh", "network"],
    ["freeze", "network"],
  ])("%s: cannot be asked, while the other one can", async (fault, reason) => {
    await demo("break", "pc2", fault)
    const told = await onYard()
    await demo("mend", "pc2")
    const [mainpc, pc2] = told.hosts
    expect([told.exitCode, pc2!.problem?.reason, pc2!.checks]).toEqual([3, reason, []])
    expect([mainpc!.problem, mainpc!.checks.length > 5]).toEqual([undefined, true])
    await until(30, async () => (await ssh("pc2", "true")).exitCode === 0)
  })

  it("its dockerd is down", async () => {
    // `demo break pc2 docker` is over within seconds, as it is started again: here it is killed again and again.
    const kill = "while :; do pkill -KILL -x dockerd; sleep 0.1; done"
    await docker("exec", "--detach", container(), "timeout", "15", "sh", "-c", kill)
    await until(5, async () => (await ssh("pc2", "docker version")).exitCode !== 0)
    const told = await onYard("--host", "pc2")
    expect([told.exitCode, failures(told)]).toEqual([1, ["pc2 docker"]])
    expect(checkOf(told, "docker")!.evidence).toContain("does not answer")
    await until(60, async () => (await ssh("pc2", "docker version")).exitCode === 0)
    expect((await onYard("--host", "pc2")).exitCode).toBe(0)
  })

  it("its user may not use Docker, and what the fix says mends it", async () => {
    await docker("exec", container(), "gpasswd", "--delete", "fairlead", "docker")
    const told = await onYard("--host", "pc2")
    expect([told.exitCode, failures(told)]).toEqual([1, ["pc2 docker"]])
    const fix = /sudo (usermod [a-z -]+)/.exec(checkOf(told, "docker")!.fix!)![1]!.trim()
    await docker("exec", container(), ...fix.split(" "))
    expect((await onYard("--host", "pc2")).exitCode).toBe(0)
  })

  it("a program holds the port of a service", async () => {
    const holds = ssh("mainpc", "timeout 60 python3 -m http.server 7200")
    await until(10, async () => (await ssh("mainpc", "timeout 2 bash -c '</dev/tcp/127.0.0.1/7200'")).exitCode === 0)
    const told = await onYard("--host", "mainpc")
    await ssh("mainpc", "pkill -f http.server")
    await holds
    expect([told.exitCode, failures(told)]).toEqual([1, ["mainpc ports"]])
    expect(checkOf(told, "ports")!.evidence).toContain("7200 of ServiceRegistry by a program outside of Docker")
  })

  it("its way back is gone", async () => {
    const label = "--label dev.fairlead.fleet=my-fleet --label dev.fairlead.service=ServiceRegistry"
    const made = await ssh("pc2", `tar -c -C /etc hostname | docker import - tiny && docker create ${label} tiny true`)
    expect(made.exitCode, made.stderr).toBe(0)
    expect(checkOf(await onYard("--host", "pc2"), "rollback")).toMatchObject({ state: "ok" })
    // By its name it would only lose the name: by its number the bytes go.
    await ssh("pc2", "docker image rm --force $(docker image inspect --format '{{.Id}}' tiny)")
    expect(failures(await onYard("--host", "pc2"))).toEqual(["pc2 rollback"])
    await ssh("pc2", "docker rm $(docker ps --all --quiet)")
  })
})
