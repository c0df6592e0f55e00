import { describe, expect, it } from "vitest"
import { documents } from "../../dagger/lib/report/documents.ts"
import { demo, loopDevices, ssh, until, whileUp } from "./demo-yard.ts"

const up = whileUp("--disk", "3 GB")

describe("what can be broken on a host, and mended", () => {
  it("its clock, as seen over SSH", async () => {
    const now = async () => Number((await ssh("pc2", "date +%s")).stdout)
    await demo("break", "pc2", "clock", "+86400")
    expect((await now()) - Date.now() / 1000).toBeGreaterThan(86_000)
    await demo("mend", "pc2")
    expect(Math.abs((await now()) - Date.now() / 1000)).toBeLessThan(60)
  })

  it("its disk, which is its own", async () => {
    const free = async () =>
      Number((await ssh("pc2", "df --output=avail --block-size=1 /var/lib/docker | tail -n 1")).stdout)
    expect(await free()).toBeLessThan(3e9)
    await demo("break", "pc2", "disk", "20 MB")
    expect(await free()).toBeLessThan(21e6)
    await demo("mend", "pc2")
    expect(await free()).toBeGreaterThan(1e9)
  })

  it("its driver", async () => {
    const driver = async () => (await ssh("pc2", "nvidia-smi --query-gpu=driver_version --format=csv,noheader")).stdout
    await demo("break", "pc2", "driver", "525.60")
    expect(await driver()).toBe("525.60")
    await demo("mend", "pc2")
    expect(await driver()).toBe("545.23")
  })

  it.each([["network"], ["ssh"], ["freeze"], ["power"]])(
    "%s: it cannot be reached, status says so, and it comes back the same",
    async (fault) => {
      await demo("break", "pc2", fault)
      expect((await ssh("pc2", "true", "-o", "ConnectTimeout=3")).exitCode).toBe(255)
      const broken = await demo("status", "--json")
      expect(broken.exitCode).toBe(3)
      const { hosts } = documents.demo.parse(JSON.parse(broken.stdout))
      expect(hosts.filter(({ problem }) => problem).map(({ host }) => host)).toEqual(["pc2"])
      await demo("mend", "pc2")
      await until(30, async () => (await ssh("pc2", "docker info")).exitCode === 0)
      expect((await ssh("mainpc", "getent hosts pc2")).stdout).toContain(up.yard.hosts.pc2!.onNetwork.address)
      expect((await demo("status")).exitCode).toBe(0)
    },
  )

  it("a session that is open, and no other", async () => {
    const session = ssh("pc2", "sleep 60")
    await until(10, async () => (await ssh("pc2", "pgrep -x sleep")).exitCode === 0)
    await demo("break", "pc2", "sessions")
    expect((await session).exitCode).toBe(255)
    expect((await ssh("pc2", "true")).exitCode).toBe(0)
  })

  it("refuses what it does not know, with exit code 2 and what it knows", async () => {
    const told = await demo("break", "pc2", "leg")
    expect([told.exitCode, told.stderr]).toEqual([2, expect.stringContaining("one of network, ssh")])
    expect((await demo("break", "pc3", "ssh")).exitCode).toBe(2)
    expect((await demo("break", "pc2", "driver", "$(id)")).exitCode).toBe(2)
  })
})

it("leaves no loop device behind", async () => {
  // One of somebody else's may go meanwhile.
  const since = async () => (await loopDevices()).filter((each) => !up.loopsBefore.includes(each))
  expect(await since()).not.toEqual([])
  expect((await demo("down")).exitCode).toBe(0)
  expect(await since()).toEqual([])
})
