import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { type Stood, statusDocument, statusText } from "../../../dagger/lib/report/status.ts"
import type { HostContainer, HostLook } from "../../../dagger/lib/rollout/host/look.ts"
import { HostUnreachable } from "../../../dagger/lib/rollout/host/shell.ts"
import { exitCodeOf, hostStatus, statusOf } from "../../../dagger/lib/rollout/status/status.ts"
import { container, digestOf, fleet, image, look, run, snapshot } from "./looks.ts"

const today = "2026-11-22"
const seen = (more: Partial<HostLook> = {}) => statusOf(look(more), { fleet, today })
const second = container("second_service", { service: "SecondService" })
const first = (more: Partial<HostContainer>) => seen({ containers: [container("first_service", more), second] })
const drift = (status: ReturnType<typeof seen>) => status.services.map(({ service, drift }) => [service, ...drift])
const told = (hosts: Stood["hosts"], more: Partial<Stood> = {}) =>
  statusDocument({
    ...{ at: `${today}T12:00:00Z`, yard: "demo", fleet, hosts, addresses: { two: "127.0.0.1:22002" } },
    receiver: { why: "nobody answers there", url: "http://127.0.0.1:19007" },
    ...more,
  })
const away = await hostStatus(
  "one",
  () =>
    Promise.reject(new HostUnreachable("one", "network", "nobody answers at 192.0.2.1:22", { fix: "switch it on" })),
  { fleet, today },
)

describe("status", () => {
  it("is 0 where everything runs as it was deployed", () => {
    expect(drift(seen())).toEqual([["FirstService"], ["SecondService"]])
    expect(exitCodeOf([seen()])).toBe(0)
    expect(seen().services[0]).toMatchObject({
      wanted: image("a"),
      running: image("a"),
      health: "healthy",
      wave: "core",
    })
  })

  it.each<[string, Partial<HostContainer>, string[]]>([
    ["another image", { image: image("b") }, ["image"]],
    ["another definition", { definition: "e".repeat(12) }, ["definition"]],
    ["a container that stopped", { state: "exited", exitCode: 137 }, ["stopped"]],
    ["a container that never started", { state: "created" }, ["stopped"]],
    [
      "a container made by hand",
      { run: undefined, definition: undefined, image: "small/x:current" },
      ["by-hand", "image"],
    ],
    ["a run that was not committed", { run: "bbbbbb", image: image("b") }, ["unfinished"]],
  ])("tells %s", (_, more, expected) => {
    expect(drift(first(more))[0]).toEqual(["FirstService", ...expected])
    expect(exitCodeOf([first(more)])).toBe(1)
  })

  it("takes the same digest under another name for the same image", () => {
    const other = `ghcr.io/small/other@${digestOf("a")}`
    expect(drift(first({ image: other }))[0]).toEqual(["FirstService"])
  })

  it("tells what is missing, and what fleet.yaml does not know", () => {
    const status = seen({ containers: [second, container("third_service", { service: "ThirdService" })] })
    expect(drift(status)).toEqual([["FirstService", "missing"], ["SecondService"], ["ThirdService", "unknown"]])
    expect(status.services[2]).toMatchObject({ service: "ThirdService", wanted: null })
  })

  it("counts neither what is gone back to nor what failed as a service, and names what was kept", () => {
    const beside = ["first_service.prev", "first_service.0b0b0b", "first_service-0c0c0c"].map((name) => container(name))
    const status = seen({ containers: [container("first_service"), second, ...beside] })
    expect([drift(status).length, status.kept]).toEqual([2, ["first_service-0c0c0c"]])
  })

  it("is 1 for an ill service, and 0 while one only just starts", () => {
    for (const more of [{ health: "unhealthy" }, { state: "restarting" }]) expect(exitCodeOf([first(more)])).toBe(1)
    expect(exitCodeOf([first({ health: "starting" })])).toBe(0)
    expect(first({ health: undefined }).services[0]?.health).toBe("none")
  })

  it("is 3 where a host could not be asked, and tells the other one all the same", () => {
    expect(exitCodeOf([away.status, seen()])).toBe(3)
    const text = statusText(told([away.status, seen()]))
    expect(text).toMatch(/not asked.*nobody answers at 192.0.2.1:22/)
    expect(text).toMatch(/could not ask one.*; 2 of 2 services as deployed/)
  })

  it("calls a run unfinished unless somebody works on it", () => {
    const lock = {
      token: 3,
      run: "bbbbbb",
      owner: "anna@laptop",
      verb: "deploy",
      ageSeconds: 4,
      stale: false,
      working: false,
    }
    expect(seen({ open: ["bbbbbb"], lock }).unfinished).toEqual([])
    expect(seen({ open: ["bbbbbb"], lock: { ...lock, stale: true, working: true } }).unfinished).toEqual([])
    expect(seen({ open: ["bbbbbb"], lock: { ...lock, stale: true } }).unfinished).toEqual(["bbbbbb"])
    expect(exitCodeOf([seen({ open: ["bbbbbb"] })])).toBe(1)
    expect(statusText(told([seen({ open: ["bbbbbb"], lock })]))).toMatch(/lock +anna@laptop: deploy, run bbbbbb/)
    expect(statusText(told([seen({ open: ["bbbbbb"] })]))).toMatch(/not finished: bbbbbb; `fairlead deploy` finishes/)
  })

  it("says of a pin until when it holds, and whether that is past", () => {
    const pin = {
      tag: "20261120-9d1c2aa",
      reason: "a \u001b[31mred\u001b[0m day",
      by: "anna@laptop",
      at: `${today}T08:00:00Z`,
    }
    expect(seen({ pin: { ...pin, until: today } }).pin).toMatchObject({ expired: false, reason: "a red day" })
    expect(seen({ pin: { ...pin, until: "2026-11-21" } }).pin).toMatchObject({ expired: true })
    expect(statusText(told([seen({ pin: { ...pin, until: "2026-11-21" } })]))).toMatch(/expired on 2026-11-21.*unpin/)
    expect(seen().pin).toBeNull()
  })

  it("tells a host on which nothing was ever deployed in one line", () => {
    const fresh = seen({ containers: [], good: [], kept: [], images: [] })
    expect(drift(fresh)).toEqual([
      ["FirstService", "missing"],
      ["SecondService", "missing"],
    ])
    expect(statusText(told([fresh]))).toMatch(/nothing was deployed yet: 2 services/)
  })

  it("counts the healthy ones by wave, and has a line for each with --all", () => {
    const document = told([first({ image: image("b") })])
    expect(statusText(document)).toMatch(
      /core: 0 of 1 healthy, all stand-ins\n.*✗ FirstService.*stand-in-p@bbbbbbbbbbbb, .*a{12} was deployed/,
    )
    expect(statusText(document)).not.toMatch(/SecondService/)
    expect(statusText(document, { all: true })).toMatch(/● SecondService {2}healthy/)
  })

  it("knows a stand-in by its image, also where the service has code", () => {
    expect(first({ image: image("a", "stand-in-r") }).services[0]?.standIn).toBe(true)
  })

  it("fits its schema", () => {
    const valid = new Ajv({ strict: false }).compile(documentSchema("status"))
    const pin = { tag: "t", reason: "r", by: "b", at: "a", until: today }
    const kept = [snapshot(2, { first_service: image("c") })]
    expect([valid(told([away.status, seen({ pin, kept, open: [run] })])), valid.errors]).toEqual([true, null])
  })
})

describe("what services reported", () => {
  const report = { time: today, host: "two", service: "FirstService", git_sha: "abc", sbom: { packages: 3 } }
  const asked = (image: string | null) => ({ url: "http://x", reports: [{ ...report, image }] })

  it("is told by digest, and a receiver that was not asked is never shown as silence", () => {
    const document = told([seen()], { receiver: asked(image("a")) })
    expect(document.hosts[0]?.services.map(({ reported }) => reported)).toEqual([image("a"), null])
    expect(statusText(document)).toMatch(/1 of 2 services reported the image that they run; not SecondService on two/)
    expect(told([seen()]).hosts[0]?.services[0]).not.toHaveProperty("reported")
    expect(statusText(told([seen()]))).toMatch(/reports +not asked: nobody answers there/)
  })
})
