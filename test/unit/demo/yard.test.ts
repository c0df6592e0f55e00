import { mkdtempSync, rmSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { gpuOf } from "../../../cli/demo/gpu.ts"
import { sshKey } from "../../../cli/demo/key.ts"
import { hostJson } from "../../../cli/demo/keys.ts"
import { addressIn, upperHalf } from "../../../cli/demo/network.ts"
import { knownHosts, sshConfig } from "../../../cli/demo/ssh.ts"
import { demoYard, inYard, yardFile, yardName } from "../../../cli/demo/yard.ts"
import { fairleadRoot } from "../../../cli/version.ts"
import { type DemoYard, hostOf, onDemo, readYard, yardText } from "../../../dagger/lib/fleet/demo.ts"
import { loadFleet } from "../../../dagger/lib/fleet/load.ts"
import { type FilledWave, wavesOf } from "../../../dagger/lib/fleet/waves.ts"
import { wantedOf } from "../../../dagger/lib/rollout/preflight/wanted.ts"

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-demo-"))
  process.env.FAIRLEAD_HOME = home
})
afterEach(() => {
  rmSync(home, { recursive: true })
  delete process.env.FAIRLEAD_HOME
  delete process.env.FAIRLEAD_DEMO
})

const host = (port: number): DemoYard["hosts"][string] => ({
  address: "127.0.0.1",
  port,
  user: "fairlead",
  hostKey: sshKey().public,
  identityFile: "/state of/demo/keys/client",
  container: "fairlead-demo-x",
  onNetwork: { address: "172.20.0.3", port: 22 },
  gpu: { standIn: true, name: "NVIDIA GeForce RTX 4090", driver: "550.90", memoryMiB: 24_564 },
})

const yard: DemoYard = {
  schema: 1,
  name: "demo",
  fleet: "my-fleet",
  registry: "127.0.0.1:5000",
  network: { name: "fairlead-demo", subnet: "172.20.0.0/16" },
  hosts: { mainpc: host(22_001), pc2: host(22_002) },
  observability: { url: "http://127.0.0.1:19007", address: "172.20.0.2", port: 9007, container: "fairlead-demo-x" },
}

const shape = ({ name, instances }: FilledWave) => [
  name,
  ...instances.map(({ service, host }) => `${service.name} ${host}`),
]

const write = async (text: string): Promise<void> => {
  await mkdir(inYard(), { recursive: true })
  await writeFile(yardFile(), text)
}

describe("the yard's file", () => {
  it("is there as long as the yard is up, and says all that was written", async () => {
    expect(await demoYard()).toBeUndefined()
    await write(yardText(yard))
    expect(await demoYard()).toEqual(yard)
  })

  it("is told to be another version's where it is", async () => {
    await write(yardText(yard).replace("schema: 1", "schema: 2"))
    await expect(demoYard()).rejects.toThrow(/another version of Fairlead.*schema.*fix: fairlead demo up/s)
  })

  it("is never believed where it names another machine than this one's network, or half a key", () => {
    for (const [from, to] of [
      ["address: 172.20.0.3", "address: example.org"],
      [/hostKey: .*/, "hostKey: ssh-ed25519 AAAA"],
      ["user: fairlead", "user: -oProxyCommand=id"],
    ] as const) {
      expect(() => readYard(yardText(yard).replace(from, to), "hosts.yaml")).toThrow("hosts.yaml")
    }
  })

  it("has a place and a name of its own for another yard", () => {
    expect([yardName(), inYard()]).toEqual(["demo", join(home, "demo")])
    process.env.FAIRLEAD_DEMO = "test-1"
    expect([yardName(), inYard()]).toEqual(["demo-test-1", join(home, "demo-test-1")])
    process.env.FAIRLEAD_DEMO = "../x"
    expect(() => yardName()).toThrow("FAIRLEAD_DEMO")
  })
})

describe("a fleet on the demo yard", () => {
  it("differs from the owner's only in how hosts are reached and in what stands in", async () => {
    const fleet = await loadFleet(fairleadRoot)
    const there = onDemo(fleet, yard)
    const { address, port, user, hostKey } = yard.hosts.pc2!
    expect(there.hosts.pc2).toEqual({ ...fleet.hosts.pc2, address, port, user, hostKey })
    expect({ ...there, hosts: fleet.hosts, services: fleet.services }).toEqual(fleet)
  })

  it("runs the stand-in on the CPU family for what takes a GPU or cannot be built yet, and keeps all else", async () => {
    const fleet = await loadFleet(fairleadRoot)
    const there = onDemo(fleet, yard)
    for (const [name, own] of Object.entries(fleet.services)) {
      const { stoodInFor, ...service } = there.services[name]!
      const able = own.gpus === 0 && ["base-cpu-pydeps", "family-web", "legacy-py310-cpu"].includes(own.family)
      expect(stoodInFor === undefined, name).toBe(able)
      const { family, app } = able ? own : { family: "base-cpu-pydeps", app: "reference" }
      expect(service).toEqual({ ...own, family, ...(app && { app }) })
    }
    expect(there.services.ModelOpsCoordinator).toMatchObject({ gpus: 1, stoodInFor: "it takes a GPU" })
    const { dockerfile: _, ...undone } = fleet.families["legacy-py310-cpu"]!
    const early = onDemo({ ...fleet, families: { ...fleet.families, "legacy-py310-cpu": undone } }, yard)
    expect(early.services.NLUAgent).toMatchObject({ stoodInFor: "legacy-py310-cpu has no Dockerfile yet" })
    expect(wavesOf(there).map(shape)).toEqual(wavesOf(fleet).map(shape))
  })

  it("wants no image of gigabytes of any host", async () => {
    const there = onDemo(await loadFleet(fairleadRoot), yard)
    const registry = { host: "127.0.0.1:5000", loopback: true, answers: true }
    for (const host of ["mainpc", "pc2"]) {
      const { images } = wantedOf(there, host, { records: {}, registry })
      expect(images.map(({ name }) => name).sort()).toEqual(
        host === "mainpc" ? ["reference-cpu", "reference-legacy", "reference-web"] : ["reference-cpu", "reference-web"],
      )
    }
  })

  it("leaves a fleet without a stand-in as it is", async () => {
    const fleet = { ...(await loadFleet(fairleadRoot)), apps: {} }
    expect(onDemo(fleet, yard).services).toEqual(fleet.services)
  })

  it("is refused where the yard lacks one of its hosts", () => {
    expect(() => hostOf(yard, "pc3")).toThrow("the demo yard has no host pc3: it was made for the hosts mainpc, pc2")
  })

  it("has a stand-in for each GPU, as nvidia-smi would name it, and says that it is one", async () => {
    const fleet = await loadFleet(fairleadRoot)
    expect(gpuOf(fleet, "mainpc")).toMatchObject({ name: "NVIDIA GeForce RTX 4090", driver: "550.90", arch: "8.9" })
    expect(gpuOf(fleet, "pc2")).toMatchObject({ driver: "545.23", memoryMiB: 12_288 })
    expect(JSON.parse(hostJson(fleet, "pc2"))).toMatchObject({ host: "pc2", gpu: { standIn: true } })
    const without = { ...fleet, hosts: { pc3: { ...fleet.hosts.pc2!, gpu: undefined } } }
    expect(JSON.parse(hostJson(without, "pc3")).gpu).toBeUndefined()
  })
})

describe("OpenSSH", () => {
  it("is told to be strict, and which key each host has", () => {
    const config = sshConfig(yard, "/state of/known_hosts")
    expect(config).toContain("StrictHostKeyChecking yes")
    expect(config).toContain('UserKnownHostsFile "/state of/known_hosts"')
    expect(config).toMatch(
      /Host pc2\n {2}HostName 127\.0\.0\.1\n {2}Port 22002\n {2}User fairlead\n {2}HostKeyAlias pc2\n/,
    )
    expect(knownHosts(yard)).toBe(`mainpc ${yard.hosts.mainpc!.hostKey}\npc2 ${yard.hosts.pc2!.hostKey}\n`)
  })
})

describe("addresses", () => {
  it("are counted from the range's first, over bytes", () => {
    expect(addressIn("172.20.0.0/16", 3)).toBe("172.20.0.3")
    expect(addressIn("192.168.240.0/20", 300)).toBe("192.168.241.44")
  })

  it("leave the upper half to Docker", () => {
    expect(upperHalf("172.20.0.0/16")).toBe("172.20.128.0/17")
    expect(upperHalf("192.168.240.0/20")).toBe("192.168.248.0/21")
  })

  it("are refused where the range is too small", () => {
    expect(() => addressIn("10.0.0.0/29", 7)).toThrow("10.0.0.0/29 has no room for 7 addresses")
  })
})
