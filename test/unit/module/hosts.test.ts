import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type DemoYard, yardText } from "../../../dagger/lib/fleet/demo.ts"
import { withHosts } from "../../../dagger/lib/module/hosts.ts"
import { deployCall } from "../../../dagger/lib/module/rollout.ts"
import type { Site } from "../../../dagger/lib/module/yard.ts"
import { changed } from "../fleet/small.ts"

const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"a".repeat(43)}`
const text = changed(
  "address: 192.0.2.1,",
  `address: 192.0.2.1, hostKey: "${hostKey}",`,
  "two.example,",
  `two.example, hostKey: "${hostKey}",`,
)

const demoHost = (port: number): DemoYard["hosts"][string] => ({
  ...{ address: "127.0.0.1", port, user: "fairlead", hostKey, identityFile: "/keys/client", container: "c" },
  onNetwork: { address: "10.0.0.2", port: 22 },
})
const demo: DemoYard = {
  ...{ schema: 1, name: "demo", fleet: "small", registry: "127.0.0.1:5000" },
  network: { name: "n", subnet: "10.0.0.0/24" },
  hosts: { one: demoHost(22001), two: demoHost(22002) },
  observability: { url: "http://127.0.0.1:9007/", address: "10.0.0.3", port: 9007, container: "o" },
}

const source = {
  withoutDirectory: () => ({ export: (folder: string) => writeFile(join(folder, "fleet.yaml"), text) }),
}

/** What a call brings along; nothing here reaches an engine. */
const site = (more: Partial<Record<keyof Site, unknown>> = {}): Site =>
  ({
    dag: {},
    source,
    sshKey: {},
    ...more,
  }) as unknown as Site

const yard = { contents: async () => yardText(demo) }
const service = (port: number) => ({ endpoint: async () => `abc:${port}` })
const opened = (brought: Site, hosts: string[] = []) =>
  withHosts(brought, hosts, {}, async ({ chosen, demo, hosts }) => ({ yard: chosen.yard, demo: demo?.name, hosts }))

describe("the hosts that a call of the module is about", () => {
  it("are fleet.yaml's, and never taken for a demo's", async () => {
    expect(await opened(site())).toEqual({ yard: "fleet.yaml", demo: undefined, hosts: ["one", "two"] })
    expect((await opened(site(), ["two"])).hosts).toEqual(["two"])
  })

  it("are a demo's where its file and a service for each of them come along", async () => {
    const hostServices = [service(22002), service(22001)]
    expect(await opened(site({ yard, hostServices }))).toMatchObject({ yard: "demo", demo: "demo" })
    await expect(opened(site({ yard, hostServices: [service(22002)] }))).rejects.toThrow(
      "--host-service: one is on your own loopback, which an engine does not reach\n" +
        "  fix: pass --host-service tcp://127.0.0.1:22001",
    )
  })

  it("need something to log in with, and one thing only", async () => {
    await expect(opened(site({ sshKey: undefined }))).rejects.toMatchObject({ exitCode: 2 })
    await expect(opened(site({ sshAgent: {} }))).rejects.toThrow("--ssh-key, --ssh-agent: both are given")
  })
})

describe("what deploy is asked", () => {
  const asked = { hosts: [], plan: false, by: "dagger" }
  it("is refused before any host is, where it is none of the words", async () => {
    await expect(deployCall(site(), { ...asked, onFailure: "all" })).rejects.toThrow("--on-failure")
    await expect(deployCall(site(), { ...asked, parallel: 0 })).rejects.toThrow("--parallel")
    await expect(deployCall(site(), { ...asked, parallel: 1.5 })).rejects.toMatchObject({ exitCode: 2 })
  })
})
