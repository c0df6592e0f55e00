import { describe, expect, it } from "vitest"
import {
  aptPlan,
  keyringOf,
  preferencesFile,
  readIndexes,
  readSimulation,
  sourcesFile,
} from "../../cli/setup/apt-plan.ts"
import { hasApt, isCapable, type Machine, readOsRelease } from "../../cli/setup/machine.ts"

const bookworm = readOsRelease(
  'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
)
const trixie = readOsRelease("ID=debian\nVERSION_ID=13\nVERSION_CODENAME=trixie\n")
const sid = readOsRelease('PRETTY_NAME="Debian GNU/Linux forky/sid"\nID=debian\nVERSION_CODENAME=forky\n')
const noble = readOsRelease('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n')

const mirror = "http://mirror.test/debian/"
const indexes = [
  { codename: "bookworm", uri: mirror, signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg" },
  { codename: "bookworm-security", uri: "http://mirror.test/security/" },
]

describe("what apt is asked for", () => {
  it("takes Docker from trixie on bookworm, by the machine's own mirrors and keyring", () => {
    const plan = aptPlan(bookworm, "engine", indexes)
    expect(plan.packages).toEqual(["docker.io", "docker-cli", "docker-buildx", "iptables"])
    expect(plan.optional).toEqual(["docker-compose"])
    expect(plan.files[sourcesFile]).toContain(
      `URIs: ${mirror}\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`,
    )
    expect(plan.files[sourcesFile]).toContain("URIs: http://mirror.test/security/\nSuites: trixie-security\n")
  })

  it("keeps trixie away from every other package", () => {
    const preferences = aptPlan(bookworm, "engine", indexes).files[preferencesFile]
    expect(preferences).toContain("Package: *\nPin: release n=trixie*\nPin-Priority: 1\n")
    expect(preferences).toContain(
      "Package: docker.io docker-cli docker-buildx docker-compose\nPin: release n=trixie*\nPin-Priority: 900\n",
    )
  })

  it("leaves a trixie that somebody chose for themselves as it is, and pins only Docker to it", () => {
    const own = aptPlan(bookworm, "engine", [...indexes, { codename: "trixie", uri: mirror }])
    expect(Object.keys(own.files)).toEqual([preferencesFile])
    expect(own.files[preferencesFile]).not.toContain("Package: *")
  })

  it("takes Docker from the own suite of anything newer, and changes no sources", () => {
    for (const os of [trixie, sid]) {
      const plan = aptPlan(os, "engine", [])
      expect(plan).toEqual({
        packages: ["docker.io", "docker-cli", "docker-buildx", "iptables"],
        optional: ["docker-compose"],
        files: {},
      })
    }
  })

  it("takes Ubuntu's own packages", () => {
    expect(aptPlan(noble, "engine", [])).toEqual({
      packages: ["docker.io", "docker-buildx", "iptables"],
      optional: ["docker-compose-v2"],
      files: {},
    })
  })

  it("installs buildx alone where Docker is there already", () => {
    expect(aptPlan(noble, "buildx", [])).toEqual({ packages: ["docker-buildx"], optional: [], files: {} })
    expect(Object.keys(aptPlan(bookworm, "buildx", indexes).files)).toEqual([preferencesFile, sourcesFile])
  })
})

describe("what apt answers", () => {
  it("tells new packages from upgraded and removed ones", () => {
    const output = [
      "NOTE: This is only a simulation!",
      "Remv docker-ce [5:27.1]",
      "Inst libmnl0 (1.0.4-3 Debian:12.15/oldstable [amd64])",
      "Inst iptables [1.8.8] (1.8.9-2 Debian:12.15/oldstable [amd64])",
      "Inst runc:amd64 (1.1.5+ds1-1 Debian:12.15/oldstable [amd64])",
      "Conf libmnl0 (1.0.4-3 Debian:12.15/oldstable [amd64])",
    ].join("\n")
    expect(readSimulation(output)).toEqual({
      added: ["libmnl0", "runc"],
      upgraded: ["iptables"],
      removed: ["docker-ce"],
    })
  })

  it("reads indexes, but not those of the file that set-up wrote itself", () => {
    const output = `bookworm ${mirror} /etc/apt/sources.list:1\ntrixie ${mirror} ${sourcesFile}:1\n`
    expect(readIndexes(output, (place) => place)).toEqual([
      { codename: "bookworm", uri: mirror, signedBy: "/etc/apt/sources.list:1" },
    ])
  })

  it("finds the keyring of a stanza, counting stanzas and not comments", () => {
    const text =
      "# the mirror\n\nTypes: deb\nSuites: bookworm\n# why\nSigned-By: /usr/share/keyrings/a.gpg\n\nTypes: deb\nSuites: x\nSigned-By:\n -----BEGIN PGP\n"
    expect(keyringOf(text, "/etc/apt/sources.list.d/debian.sources:1")).toBe("/usr/share/keyrings/a.gpg")
    expect(keyringOf(text, "/etc/apt/sources.list.d/debian.sources:2")).toBeUndefined()
  })

  it("finds the keyring of a line", () => {
    const text =
      "# first\ndeb [arch=amd64 signed-by=/etc/apt/keyrings/b.asc] http://mirror.test stable main\ndeb http://mirror.test x main\n"
    expect(keyringOf(text, "/etc/apt/sources.list:2")).toBe("/etc/apt/keyrings/b.asc")
    expect(keyringOf(text, "/etc/apt/sources.list:3")).toBeUndefined()
  })
})

describe("the machine", () => {
  const machine = (os: Machine["os"]): Machine => ({
    platform: "linux",
    wsl: false,
    root: true,
    capable: true,
    systemd: false,
    os,
  })

  it("installs on Debian 12 and Ubuntu 22.04 or newer only", () => {
    const old = readOsRelease("ID=debian\nVERSION_ID=11\nVERSION_CODENAME=bullseye\n")
    const fedora = readOsRelease("ID=fedora\nVERSION_ID=43\n")
    expect([bookworm, trixie, sid, noble, old, fedora].map((os) => hasApt(machine(os)))).toEqual([
      true, true, true, true, false, false,
    ]) // biome-ignore format: in the order above
  })

  it("sees whether a container was given the rights that dockerd needs", () => {
    expect(isCapable("Name:\tnode\nCapEff:\t000001ffffffffff\n")).toBe(true)
    expect(isCapable("CapEff:\t00000000a80425fb\n")).toBe(false)
  })
})
