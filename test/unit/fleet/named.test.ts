import { describe, expect, it } from "vitest"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { appOf, hostNamed, serviceNamed } from "../../../dagger/lib/fleet/named.ts"
import { sshTarget } from "../../../dagger/lib/fleet/reach.ts"
import { waveOf, wavesOf } from "../../../dagger/lib/fleet/waves.ts"
import { changed, small } from "./small.ts"

const fleet = parseFleet(small)

describe("a service", () => {
  it("is found by its name and by its containers' name", () => {
    expect(serviceNamed(fleet, "FirstService").port).toBe(7001)
    expect(serviceNamed(fleet, "first_service").name).toBe("FirstService")
  })

  it("that is not there is asked about", () => {
    expect(() => serviceNamed(fleet, "FirstServise")).toThrow(
      'there is no service "FirstServise"; did you mean FirstService?\n  fix: use one of FirstService, SecondService, ModelService',
    )
  })

  it("runs its own app, or the stand-in, which says so", () => {
    const own = parseFleet(
      changed(
        "services:\n",
        "  second: { path: apps/second, command: [python] }\nservices:\n",
        "port: 7002",
        "app: second, port: 7002",
      ),
    )
    expect(appOf(own, "SecondService")).toMatchObject({ name: "second", standIn: false, portEnv: "PORT" })
    expect(appOf(own, "FirstService")).toMatchObject({ name: "stand-in", standIn: true })
  })
})

describe("a host", () => {
  it("that is not there is asked about", () => {
    expect(() => hostNamed(fleet, "tow")).toThrow(
      'there is no host "tow"; did you mean two?\n  fix: use one of one, two',
    )
  })

  it("without a host key is not connected to", () => {
    expect(() => sshTarget(fleet, "two")).toThrow(
      "fleet.yaml: hosts.two.hostKey: is not recorded, so nothing tells two from another machine that answers at two.example\n" +
        "  fix: run `ssh-keyscan -t ed25519 -p 22 two.example`, compare the key with /etc/ssh/ssh_host_ed25519_key.pub on two itself, and write it into fleet.yaml",
    )
  })

  it("with a host key is reached by it", () => {
    const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"x".repeat(43)}`
    const known = parseFleet(changed("two.example,", `two.example, port: 2222, hostKey: "${hostKey}",`))
    expect(sshTarget(known, "two")).toEqual({ host: "two", address: "two.example", port: 2222, user: "fleet", hostKey })
  })
})

describe("waves", () => {
  it("take each instance once, the first that matches", () => {
    const shown = wavesOf(fleet).map(({ name, instances }) => [
      name,
      ...instances.map(({ service, host }) => `${service.name}@${host}`),
    ])
    expect(shown).toEqual([
      ["core", "FirstService@one", "FirstService@two"],
      ["gpu", "ModelService@one"],
      ["rest", "SecondService@two"],
    ])
  })

  it("may be named by a service itself", () => {
    const moved = parseFleet(changed("port: 7002", "wave: core, port: 7002"))
    expect(waveOf(moved, serviceNamed(moved, "SecondService"), "two")).toBe("core")
  })
})
