import { describe, expect, it } from "vitest"
import { imageNameOf } from "../../../dagger/lib/fleet/apps.ts"
import {
  appImages,
  buildOrder,
  familyNamed,
  inheritedPackages,
  lineage,
  servicesOf,
} from "../../../dagger/lib/fleet/hierarchy.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { changed, refusal, small } from "./small.ts"

const fleet = parseFleet(small)
const app = "stand-in: { path: apps/stand-in, command: [python, main.py], standIn: true }"
const withApp = (more: string, service = "") =>
  changed(
    app,
    `${app}\n  own: { command: [run], ${more} }`,
    "needs: [cpu], port: 7001",
    `needs: [cpu], ${service} port: 7001`,
  )

describe("app images", () => {
  it("are one for each pair of app and family that services use, called by both", () => {
    expect(appImages(fleet).map(({ name, parent, app, standIn }) => [name, parent, app, standIn])).toEqual([
      ["stand-in-p", "plain", "stand-in", true],
      ["stand-in-l", "llm", "stand-in", true],
    ])
  })

  it("stand on their family and inherit what it promises, and are no family in fleet.yaml", () => {
    expect(lineage(fleet, "stand-in-l").map(({ name }) => name)).toEqual(["root", "cuda", "llm", "stand-in-l"])
    expect(buildOrder(fleet, ["stand-in-p"]).at(-1)?.name).toBe("stand-in-p")
    expect(inheritedPackages(fleet, "stand-in-p")).toEqual(inheritedPackages(fleet, "plain"))
    expect(Object.keys(fleet.families)).not.toContain("stand-in-p")
  })

  it("know their services, as their family still does", () => {
    expect(servicesOf(fleet, "stand-in-p").map(({ name }) => name)).toEqual(["FirstService", "SecondService"])
    expect(servicesOf(fleet, "plain").map(({ name }) => name)).toEqual(["FirstService", "SecondService"])
    expect(imageNameOf(fleet, fleet.services.ModelService!)).toBe("stand-in-l")
  })

  it("may be a little bigger than their family, or as much as the app says", () => {
    expect(familyNamed(fleet, "stand-in-p").budget).toEqual({ compressed: 55e6, uncompressed: 150e6 })
    const more = parseFleet(withApp("path: apps/own, budget: { compressed: 1 MB, uncompressed: 2 MB }", "app: own,"))
    expect(familyNamed(more, "own-p").budget).toEqual({ compressed: 51e6, uncompressed: 132e6 })
  })

  it("are not there for an app that is only a command: its services run the family's image", () => {
    const own = parseFleet(withApp("", "app: own,"))
    expect(appImages(own).map(({ name }) => name)).toEqual(["stand-in-p", "stand-in-l"])
    expect(imageNameOf(own, own.services.FirstService!)).toBe("plain")
  })
})

describe("an app is refused", () => {
  it.each([
    ["compiler: {", "stand-in-p: {", "builders.stand-in-p"],
    ["debian: {", "stand-in-p: {", "bases.stand-in-p"],
    ["alias: c,", "alias: stand-in-p,", "the alias of families.cuda"],
  ])("when its image would have the name of something else", (from, to, owner) => {
    expect(refusal(changed(from, to)).join("\n")).toContain(
      `services.FirstService.family: the image of apps.stand-in on plain would be called stand-in-p, as is ${owner}; rename the app`,
    )
  })

  it("when two pairs would give one name", () => {
    const text = withApp("path: apps/own", "app: own,")
      .replace("  own: {", "  own: { path: apps/a, command: [run] }\n  own-p: {")
      .replace("alias: p,", "alias: p-p,")
      .replace("llm, hosts: [one]", "llm, app: own-p, hosts: [one]")
      .replace("alias: l,", "alias: p,")
    expect(refusal(text)).toEqual([
      expect.stringContaining("would be called own-p-p, as is apps.own on plain; rename the app"),
    ])
  })

  it("when its image's name would be too long for a label", () => {
    const long = "a".repeat(62)
    expect(refusal(changed("stand-in: {", `${long}: {`))[0]).toContain("and names have 63 characters; rename the app")
  })

  it.each([
    ["lock: apps/own/a.lock", "apps.own.lock: needs an image of the app's own; give apps.own a path"],
    ["volumes: { data: /data }", "apps.own.volumes: needs an image of the app's own"],
    [
      "path: apps/own, lock: locks/own.lock",
      "apps.own.lock: locks/own.lock is not in the app's folder; move it into apps/own",
    ],
    ["path: apps/own, lock: apps/own-not/a.lock", "apps/own-not/a.lock is not in the app's folder"],
    ["path: apps/own, budget: { compressed: 2 MB, uncompressed: 1 MB }", "swap the two"],
    ["tmpfs: [/tmp]", "apps.own.tmpfs[0]: /tmp belongs to the image or Fairlead; mount it elsewhere"],
    ["tmpfs: [/app]", "/app belongs to the image or Fairlead"],
    ["tmpfs: [/usr/lib/x]", "/usr/lib/x belongs to the system"],
    ["tmpfs: [/opt/venv]", "/opt/venv belongs to the system"],
    ["tmpfs: [/a, /a]", "apps.own.tmpfs[1]: /a belongs to another mount of the app"],
    ["binds: { /srv/models: /etc/machine-profile.json }", "/etc/machine-profile.json belongs to the image or Fairlead"],
    ["binds: { /var/run/docker.sock: /x }", "is Docker's socket; write needs: [docker] at the service"],
    ["binds: { ../x: /x }", '"../x" is not an absolute path in the image'],
    ["binds: { /srv/../etc: /x }", "is not an absolute path"],
    ["volumes: { A: /x }", '"A" is not a DNS label'],
    ["tmpfs: ['/x:exec']", "is not an absolute path"],
    ["tmpfs: ['/$HOME']", "is not an absolute path"],
  ])("with %s", (more, sentence) => {
    expect(refusal(withApp(more)).join("\n")).toContain(sentence)
  })

  it("when two hosts are to run the observability receiver", () => {
    const both = changed(
      "one: { address",
      "one: { observability: true, address",
      "two: { address",
      "two: { observability: true, address",
    )
    expect(refusal(both)[0]).toContain("hosts.two.observability: hosts.one has it already; keep one of the two")
  })
})
