import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { chooseHosts } from "../../../cli/hosts/choose.ts"
import { SshHosts } from "../../../cli/hosts/ssh.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { configText, knownHostsText } from "../../../dagger/lib/rollout/ssh/config.ts"
import type { Target } from "../../../dagger/lib/rollout/ssh/target.ts"
import { unreachable } from "../../../dagger/lib/rollout/ssh/unreachable.ts"
import { changed, small } from "../fleet/small.ts"

const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"a".repeat(43)}`
const target: Target = {
  ...{ host: "one", address: "192.0.2.1", port: 2222, user: "fleet", hostKey, writtenIn: "fleet.yaml" },
}

describe("what OpenSSH is told", () => {
  const folder = mkdtempSync(join(tmpdir(), "100% of %d-"))
  const understood = (targets: Target[]) => {
    writeFileSync(
      join(folder, "config"),
      configText(targets, { knownHosts: join(folder, "known_hosts"), connections: folder }),
    )
    const text = execFileSync("ssh", ["-G", "-F", join(folder, "config"), "one"], { encoding: "utf8" })
    return Object.fromEntries(text.split("\n").map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1)]))
  }
  afterAll(() => rmSync(folder, { recursive: true }))

  it("is understood as meant: one machine, one key, no question asked", () => {
    expect(understood([target])).toMatchObject({
      ...{ hostname: "192.0.2.1", port: "2222", user: "fleet", hostkeyalias: "one", batchmode: "yes" },
      ...{ stricthostkeychecking: "true", hostkeyalgorithms: "ssh-ed25519", updatehostkeys: "false" },
      ...{ globalknownhostsfile: "none", forwardagent: "no", connecttimeout: "10", serveraliveinterval: "5" },
      ...{ controlmaster: "auto", controlpersist: "30", permitlocalcommand: "no", proxyusefdpass: "no" },
    })
  })

  it("offers only the key of the demo where there is one, else the user's own", () => {
    const only = understood([{ ...target, identityFile: "/keys/100%/client" }])
    expect(only).toMatchObject({ identitiesonly: "yes", identityagent: "none", identityfile: "/keys/100%%/client" })
    expect(understood([target])).toMatchObject({ identitiesonly: "no" })
  })

  it.each(['/a"b', "/a\nb", "/${HOME}", "/a\\b"])(
    "is refused with a path that it would read otherwise: %j",
    (identityFile) => {
      expect(() => configText([{ ...target, identityFile }], { knownHosts: "/k" })).toThrow("OpenSSH cannot be told")
    },
  )

  it("knows hosts by their names in fleet.yaml", () => {
    expect(knownHostsText([target])).toBe(`one ${hostKey}\n`)
  })
})

describe("what is written down for a run", () => {
  it("goes when it ends, and when it was killed with the next run; of one that goes on it stays", async () => {
    const [killed, going] = [await SshHosts.open([target]), await SshHosts.open([target])]
    const [left, kept] = [killed, going].map((hosts) => dirname(hosts.options()[1]!)) as [string, string]
    const life = JSON.parse(readFileSync(join(left, "process.json"), "utf8"))
    writeFileSync(join(left, "process.json"), JSON.stringify({ ...life, started: "1" }))
    const next = await SshHosts.open([target])
    expect([existsSync(left), existsSync(kept)]).toEqual([false, true])
    await Promise.all([next.close(), going.close()])
    expect(existsSync(kept)).toBe(false)
  })
})

describe("why a host could not be asked", () => {
  const why = (stderr: string, timedOut = false) => {
    const { reason, exitCode, message } = unreachable(target, {
      stderr,
      seconds: 60,
      offered: "one key was offered",
      timedOut,
    })
    return [reason, exitCode, message]
  }

  it.each([
    ["Host key verification failed.", "key", "ssh-keyscan -t ed25519 -p 2222 192.0.2.1"],
    [
      "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
      "key",
      "hosts.one.hostKey in fleet.yaml",
    ],
    ["Unable to negotiate with 192.0.2.1 port 2222: no matching host key type found.", "key", "compare"],
    ["fleet@192.0.2.1: Permission denied (publickey).", "permission", "ssh-copy-id"],
    ["ssh: connect to host 192.0.2.1 port 2222: Connection refused", "network", "Connection refused"],
    ["ssh: connect to host 192.0.2.1 port 2222: No route to host", "network", "switched on"],
    ["ssh: Could not resolve hostname one: Name or service not known", "network", "Name or service"],
    ["Connection timed out during banner exchange", "network", "banner exchange"],
    ["kex_exchange_identification: Connection closed by remote host", "network", "sshd runs there"],
    ["client_loop: send disconnect: Broken pipe", "lost", "ended before the answer"],
    ["", "lost", "exited 255"],
  ])("%s: %s", (stderr, reason, told) => {
    expect(why(stderr)).toEqual([reason, 3, expect.stringContaining(told)])
  })

  it("says that what was begun may go on where the answer took too long", () => {
    expect(why("", true)).toEqual(["slow", 3, expect.stringContaining("may still go on")])
  })
})

describe("whose hosts are asked", () => {
  const both = parseFleet(
    changed(
      "address: 192.0.2.1,",
      `address: 192.0.2.1, hostKey: "${hostKey}",`,
      "two.example,",
      `two.example, hostKey: "${hostKey}",`,
    ),
  )

  it("fleet.yaml's, all of them or those that are named, each once", async () => {
    const all = await chooseHosts(both, { yard: "fleet" })
    expect([all.yard, all.targets.map(({ host }) => host)]).toEqual(["fleet.yaml", ["one", "two"]])
    expect((await chooseHosts(both, { hosts: ["two", "two"], yard: "fleet" })).targets).toHaveLength(1)
  })

  it("none as long as a key is not written down, all missing ones told at once", async () => {
    const asked = chooseHosts(parseFleet(small), { yard: "fleet" })
    await expect(asked).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/hosts\.one\.hostKey[\s\S]*hosts\.two\.hostKey/),
    })
  })

  it("refuses a yard or a host that nobody knows", async () => {
    await expect(chooseHosts(both, { yard: "prod" })).rejects.toMatchObject({ exitCode: 2 })
    await expect(chooseHosts(both, { hosts: ["$(id)"], yard: "fleet" })).rejects.toMatchObject({ exitCode: 2 })
  })
})
