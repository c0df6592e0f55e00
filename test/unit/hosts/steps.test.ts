import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { StepError } from "../../../dagger/lib/engine/engine.ts"
import { HostUnreachable } from "../../../dagger/lib/rollout/host/shell.ts"
import { type Login, requireServices, StepHosts } from "../../../dagger/lib/rollout/ssh/steps.ts"
import type { Target } from "../../../dagger/lib/rollout/ssh/target.ts"
import { openWay } from "../../../dagger/lib/rollout/ssh/way.ts"
import { Here } from "./here.ts"

const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"a".repeat(43)}`
const real: Target = { host: "one", address: "192.0.2.1", port: 22, user: "fleet", hostKey, writtenIn: "fleet.yaml" }
const demo: Target = {
  ...{ host: "two", address: "127.0.0.1", port: 22002, user: "fairlead", hostKey, writtenIn: "hosts.yaml" },
  identityFile: "/home/anna/.local/state/fairlead/demo/client",
}
const login: Login = { key: { name: "ssh-key", handle: "-----BEGIN OPENSSH PRIVATE KEY-----" } }

const on = (ssh: string, by: Login = login) => {
  const here = new Here(ssh)
  return { here, hosts: new StepHosts(here.engine(), [real, demo], by) }
}

describe("a command on a host, by a step", () => {
  it("is one line for the host's shell, and answers what ssh does", async () => {
    const { hosts } = on('echo "$@"; echo told >&2; exit 7')
    const answer = await hosts.run("one", ["echo", "it's $HOME"])
    expect(answer).toMatchObject({ exitCode: 7, stderr: "told\n" })
    expect(answer.stdout).toMatch(/^-F \S+ -T one 'echo' 'it'\\''s \$HOME'\n$/)
  })

  it("gets its input, which is no part of its words", async () => {
    const { here, hosts } = on("cat")
    expect((await hosts.run("one", ["sh"], { input: "row 1\nrow 2" })).stdout).toBe("row 1\nrow 2")
    expect(here.steps[0]!.argv.join(" ")).not.toContain("row")
    expect((await hosts.run("one", ["cat"])).stdout).toBe("")
  })

  it("is never answered from a cache, and runs as nobody in the part with OpenSSH alone", async () => {
    const { here, hosts } = on("true")
    await hosts.run("one", ["true"])
    expect(here.steps[0]).toMatchObject({ image: "toolbox:ssh", look: "again", user: "65534:65534", outside: true })
  })

  it("has the key as a mounted secret: not in its words, its environment or a file of the step", async () => {
    const { here, hosts } = on("true")
    await hosts.run("two", ["true"], { input: "x" })
    const { secrets, ...seen } = here.steps[0]!
    expect(Object.values(secrets!)).toEqual([login.key])
    expect(JSON.stringify(seen)).not.toContain("PRIVATE KEY")
    // Nor does the name of a file of the caller's machine mean anything there.
    expect(JSON.stringify(seen)).not.toContain("/home/anna")
  })

  it("asks an agent by its socket, and offers no key then", async () => {
    const agent = { name: "agent", handle: "socket" }
    const { here, hosts } = on("true", { agent })
    await hosts.run("two", ["true"])
    const step = here.steps[0]!
    expect(step).toMatchObject({ sockets: { "/run/fairlead/agent": agent } })
    expect(step.secrets).toBeUndefined()
    const config = Here.text(step, "/run/fairlead/config")
    expect(config).toContain('IdentityAgent "/run/fairlead/agent"')
    expect(config).not.toContain("IdentityFile")
  })
})

describe("how OpenSSH finds a host from a step", () => {
  const understood = async (host: string) => {
    const { here, hosts } = on("true")
    await hosts.run(host, ["true"])
    const step = here.steps[0]!
    const file = join(execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim(), "config")
    writeFileSync(file, Here.text(step, "/run/fairlead/config"))
    const text = execFileSync("ssh", ["-G", "-F", file, host], { encoding: "utf8" })
    const read = Object.fromEntries(
      text.split("\n").map((line) => [line.split(" ")[0], line.split(" ").slice(1).join(" ")]),
    )
    return { step, read }
  }

  it("dials a real one directly, with the key of fleet.yaml and no other", async () => {
    const { step, read } = await understood("one")
    expect(step.services).toEqual({})
    expect(read).toMatchObject({ hostname: "192.0.2.1", port: "22", user: "fleet", hostkeyalias: "one" })
    expect(read).toMatchObject({ stricthostkeychecking: "true", batchmode: "yes", controlmaster: "false" })
    expect(read).toMatchObject({ identityfile: "/run/fairlead/key", identitiesonly: "yes", identityagent: "none" })
    expect(read).toMatchObject({ userknownhostsfile: "/run/fairlead/known_hosts", globalknownhostsfile: "none" })
    expect(Here.text(step, "/run/fairlead/known_hosts")).toBe(`one ${hostKey}\n`)
  })

  it("reaches one on the caller's loopback by the caller's port", async () => {
    const { step, read } = await understood("two")
    expect(step.services).toEqual({ "host-two": { callerPort: 22002 } })
    expect(read).toMatchObject({ hostname: "host-two", port: "22002", hostkeyalias: "two" })
  })

  it("names every host that no service leads to, and the words that mend it", () => {
    const other = { ...demo, host: "three", port: 22003 }
    expect(() => requireServices([real, demo, other], [22001])).toThrow(
      /two, three are on your own loopback[\s\S]*--host-service tcp:\/\/127.0.0.1:22002 --host-service tcp:\/\/127.0.0.1:22003/,
    )
    expect(() => requireServices([real, demo, other], [22003, 22002])).not.toThrow()
    expect(() => requireServices([real], [])).not.toThrow()
  })
})

describe("a host that brings no answer", () => {
  const failing = async (ssh: string, options = {}) => {
    const error = await on(ssh)
      .hosts.run("two", ["true"], options)
      .catch((error) => error)
    expect(error).toBeInstanceOf(HostUnreachable)
    return error as HostUnreachable
  }

  it("is refused where it shows another key, with what to compare", async () => {
    const error = await failing('echo "Host key verification failed." >&2; exit 255')
    expect([error.reason, error.exitCode]).toEqual(["key", 3])
    expect(error.message).toContain("two: it does not show the key that is written down for it")
    expect(error.message).toContain("ssh-keyscan -t ed25519 -p 22002 127.0.0.1")
    expect(error.message).toContain("change hosts.two.hostKey in hosts.yaml")
  })

  it("says what was offered where nobody may log in", async () => {
    const error = await failing('echo "fairlead@host-two: Permission denied (publickey)." >&2; exit 255')
    expect([error.reason, error.message]).toEqual(["permission", expect.stringContaining("only --ssh-key was offered")])
  })

  it("is not waited for any longer than was said; 124 of its own is an answer", async () => {
    expect((await failing("sleep 5", { timeoutSeconds: 1 })).reason).toBe("slow")
    expect((await on("exit 124").hosts.run("one", ["timeout"])).exitCode).toBe(124)
  })

  it("is cut off where its answer has no end, on either of its outputs", async () => {
    expect((await failing("yes")).message).toContain("its answer had no end")
    expect((await failing("yes >&2")).message).toContain("its answer had no end")
  })

  it("steers no terminal, and says how it ended whatever it writes", async () => {
    const { stdout, exitCode } = await on("printf 'a\\033[2Jb\\n0 0 0\\n'; exit 3").hosts.run("one", ["x"])
    expect([stdout, exitCode]).toEqual(["ab\n0 0 0\n", 3])
  })

  it("is lost, and asked again, where the engine could ask before and cannot now", async () => {
    const here = new Here("true")
    const engine = here.engine()
    const { run } = engine
    let broken = true
    engine.run = (step) => (broken ? Promise.reject(new StepError("ask two", { why: "no engine" })) : run(step))
    const hosts = new StepHosts(engine, [demo], login)
    await expect(hosts.run("two", ["true"])).rejects.not.toBeInstanceOf(HostUnreachable)
    broken = false
    await hosts.run("two", ["true"])
    broken = true
    await expect(hosts.run("two", ["true"])).rejects.toMatchObject({ reason: "lost" })
  })
})

describe("a way to a registry on the caller's loopback", () => {
  const engineOf = () => {
    const log: string[] = []
    const started: Parameters<Parameters<typeof openWay>[1]["start"]>[0][] = []
    const start = async (step: (typeof started)[number]) => {
      started.push(step)
      log.push("start")
      return { stop: async () => void log.push("stop") }
    }
    return { log, started, start }
  }

  it("is a reverse tunnel beside the other steps, to the same port there, until it is closed", async () => {
    const flag = execFileSync("mktemp", ["-u"], { encoding: "utf8" }).trim()
    const { hosts } = on(`case "$*" in *-R*) exit 0;; esac; test -e ${flag}`)
    const beside = engineOf()
    const start: typeof beside.start = (step) => {
      writeFileSync(flag, "")
      return beside.start(step)
    }
    const way = await openWay(hosts, { start }, "two", 5000)
    const [step] = beside.started
    expect(step!.argv.slice(3)).toEqual(
      expect.arrayContaining(["-N", "-R", "127.0.0.1:5000:registry:5000", "ExitOnForwardFailure=yes", "two"]),
    )
    expect(step!.services).toEqual({ "host-two": { callerPort: 22002 }, registry: { callerPort: 5000 } })
    await way.close()
    expect(beside.log).toEqual(["start", "stop"])
  })

  it("is told why the host does not give it", async () => {
    const said = "remote port forwarding failed for listen port 5000"
    const { hosts } = on(`case "$*" in *-R*) echo "Error: ${said}" >&2; exit 255;; esac; exit 1`)
    const beside = engineOf()
    await expect(openWay(hosts, beside, "two", 5000)).rejects.toThrow(said)
    expect(beside.log).toEqual([])
  })

  it("is the one that is there already, where it leads to a registry", async () => {
    const { hosts } = on(
      'case "$*" in *-R*) echo "Error: forwarding failed" >&2; exit 255;; *curl*) exit 0;; esac; exit 1',
    )
    const beside = engineOf()
    await (await openWay(hosts, beside, "two", 5000)).close()
    expect(beside.log).toEqual([])
  })
})
