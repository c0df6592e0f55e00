import { beforeAll, describe, expect, it } from "vitest"
import { inDocker } from "../../cli/demo/docker.ts"
import { demo, docker, silent, whileRollingOut } from "../e2e/rollout-yard.ts"
import { digestIn } from "../e2e/yard.ts"
import { answersWithin, asRoot, expectTidy, mended, serving, when } from "./on-hosts.ts"

const on = whileRollingOut()
let level = 0
/** Another version of some services: no image is built. */
const next = async (...services: string[]) => {
  level++
  for (const service of services) await on.run(service, { LEVEL: `${level}` })
}
/** Healthy only after some seconds: time enough to be cut off. */
const late = (service: string) =>
  on.run(service, { LEVEL: `${++level}`, FAIRLEAD_FAIL: "wrongbody", FAIRLEAD_FAIL_UNTIL: "8" })

beforeAll(async () => {
  // The others' image is not on the hosts yet.
  const told = await on.tells(["deploy", "--service", "ServiceRegistry", "--service", "UnifiedObservabilityCenter"])
  expect(told.exitCode, told.stderr).toBe(0)
})

describe("SSH is cut", () => {
  it("while a host pulls: nothing is restarted anywhere, and a second run resumes", async () => {
    const before = await serving()
    // Docker stands still until the way to the registry is gone, so that the pull is in the middle.
    const cut = "pkill -STOP -x dockerd; fairlead-demo-break ssh; pkill -CONT -x dockerd"
    const { exitCode, all } = await when("pc2", "pulling [^ ]*", cut, () => on.starts())
    expect([exitCode, all]).toEqual([
      3,
      expect.stringContaining("pc2: it was lost while it pulled images; no service was touched, on any host"),
    ])
    expect(await asRoot("mainpc", "docker ps --all --format '{{.Names}}' | sort")).toBe(
      "service_registry\nunified_observability_center",
    )
    await mended("pc2")
    expect(await serving()).toEqual(before)
    const again = await on.tells(["deploy"])
    expect(again.exitCode, again.stderr).toBe(0)
    // What the first run had pulled on the other host is not pulled again.
    expect(again.stderr).toMatch(/^ {2}pull {5}mainpc nothing · pc2 \d/m)
    expect([await silent(), await serving()]).toEqual([[], expect.objectContaining(before)])
    await expectTidy()
  })

  it("between stop and start: the host brings the service up by itself, and the run that was cut off goes on", async () => {
    await late("TieredResponder")
    const before = await serving()
    const running = await when("pc2", "stopped tiered_responder", "fairlead-demo-break ssh", () => ({
      run: on.starts(),
    }))
    expect(await answersWithin("pc2", 8100, 60)).toBe(true)
    expect(await asRoot("pc2", "pgrep -x sshd || echo none")).toBe("none")
    await mended("pc2")
    const { exitCode, all } = await running.run
    expect(exitCode, all).toBe(0)
    const after = await serving()
    expect(after["pc2/tiered_responder"]).not.toBe(before["pc2/tiered_responder"])
    expect([await silent(), Object.keys(after).sort()]).toEqual([[], Object.keys(before).sort()])
    await expectTidy()
  })
})

describe("a host that is lost in wave 3", () => {
  it.each([
    { policy: "fleet", back: true },
    { policy: "wave", back: false },
    { policy: "service", back: false },
  ])(
    "with the policy $policy: what it takes back elsewhere goes back, and the next run finishes the rest",
    async ({ policy, back }) => {
      await next("ServiceRegistry")
      await late("TieredResponder")
      const before = await serving()
      const { run } = await when("pc2", "switching tiered_responder", ":", () => ({
        run: on.starts(["deploy", "--on-failure", policy]),
      }))
      // What `demo break pc2 network` does, without the second that it takes to begin.
      expect((await docker("network", "disconnect", inDocker(), inDocker("pc2"))).exitCode).toBe(0)
      const { exitCode, all } = await run
      // Nobody can tell what became of the other one: going back is not done.
      expect(exitCode, all).toBe(5)
      expect(all).toMatch(/lost {5}pc2: .*\n(.*\n)*.*nobody knows of those on pc2/)
      expect(await answersWithin("pc2", 8100, 60)).toBe(true)
      const status = await on.tells(["status"])
      expect([status.exitCode, status.stdout]).toEqual([3, expect.stringContaining("not asked: pc2: nobody answers")])
      await mended("pc2")
      const left = await serving()
      const { "pc2/tiered_responder": _, "mainpc/service_registry": registry, ...untouched } = before
      expect(left).toMatchObject(untouched)
      expect(left["mainpc/service_registry"] === registry).toBe(back)
      const again = await on.tells(["deploy"])
      expect(again.exitCode, again.stderr).toBe(0)
      const after = await serving()
      expect(after["mainpc/service_registry"] === (back ? registry : left["mainpc/service_registry"])).toBe(!back)
      expect(after["pc2/tiered_responder"]).not.toBe(before["pc2/tiered_responder"])
      expect(await silent()).toEqual([])
      await expectTidy()
    },
  )
})

describe("a host that is not as it should be", () => {
  it("another host key: refused before anything is done, on any host", async () => {
    await next("ServiceRegistry", "TieredResponder")
    const before = await serving()
    expect((await demo("break", "pc2", "key")).exitCode).toBe(0)
    const told = await on.tells(["deploy"])
    await mended("pc2")
    expect([told.exitCode, told.stderr]).toEqual([3, expect.stringContaining("pc2: it does not show the key")])
    expect(told.stderr).toContain("ssh-keyscan")
    expect(await serving()).toEqual(before)
    await expectTidy()
  })

  it.each([["+86400"], ["-86400"]])(
    "its clock is %s s off: preflight says by how much, and nothing is touched",
    async (skew) => {
      await next("ServiceRegistry", "TieredResponder")
      const before = await serving()
      const tags = () => Promise.all(["current", "current-prev"].map((tag) => digestIn(on.org, "reference-cpu", tag)))
      const tagged = await tags()
      expect(tagged[0]).toMatch(/^sha256:/)
      const token = () => asRoot("pc2", "cat /home/fairlead/.fairlead/*/token").then(Number)
      const last = await token()
      expect((await demo("break", "pc2", "clock", "--", skew)).exitCode).toBe(0)
      const told = await on.tells(["deploy"])
      await mended("pc2")
      expect(told.exitCode, told.stderr).toBe(1)
      expect(told.stderr).toMatch(
        skew === "+86400" ? /clock {5}FAILED {2}\+86\d{3} s/ : /clock {5}FAILED {2}-86\d{3} s/,
      )
      // The lock was given, counted and let go of as ever.
      expect([await token(), await serving(), await tags()]).toEqual([last + 1, before, tagged])
      await expectTidy()
    },
  )

  it("and mended: the same command goes through", async () => {
    const told = await on.tells(["deploy"])
    expect(told.exitCode, told.stderr).toBe(0)
    expect(await silent()).toEqual([])
  })
})
