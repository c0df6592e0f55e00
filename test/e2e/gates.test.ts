import { rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { ShipReport } from "../../dagger/lib/release/ship.ts"
import { Checkout, digestIn, fairlead, ship } from "./yard.ts"

const org = `gates-${process.pid}-${Date.now()}`
const line = ["base-python", "base-utils", "base-cpu-pydeps", "family-web"]

const gate = (report: ShipReport, family: string, name: string) =>
  report.families.find((each) => each.family === family)!.gates[name]!

/** A fleet that reads advisories from its own folder, however old they are. */
async function withAdvisories(records: Record<string, unknown>): Promise<Checkout> {
  const checkout = await Checkout.make()
  for (const [name, record] of Object.entries(records)) {
    await checkout.change(`advisories/${name}.json`, () => JSON.stringify(record))
  }
  await checkout.change("fleet.yaml", (text) =>
    text.replace(/advisories: \{ maxAgeDays: 7,/, "advisories: { source: { folder: advisories }, maxAgeDays: 3650,"),
  )
  return checkout
}

const affected = (ecosystem: string, name: string, fixed: string) => [
  { package: { ecosystem, name }, ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed }] }] },
]

// Made up, since nothing known today may be wrong with what the images have tomorrow.
const records = {
  python: {
    schema_version: "1.6.0",
    id: "CVE-2099-0001",
    modified: "2026-11-01T00:00:00Z",
    published: "2026-11-01T00:00:00Z",
    summary: "a test's own weakness of h11",
    affected: affected("PyPI", "h11", "9.9.9"),
    severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
  },
  debian: {
    schema_version: "1.6.0",
    id: "CVE-2099-0002",
    modified: "2026-11-01T00:00:00Z",
    published: "2026-11-01T00:00:00Z",
    summary: "a test's own weakness of tzdata",
    affected: affected("Debian:12", "tzdata", "2099a-0+deb12u1"),
    severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N" }],
  },
}

describe("a site without an advisory source", () => {
  let checkout: Checkout
  beforeAll(async () => {
    checkout = await Checkout.make()
    // Written down, so that the case is the same on a machine that reaches the Internet.
    await checkout.change("fleet.yaml", (text) =>
      text.replace(/advisories: \{ maxAgeDays: 7,/, "advisories: { source: none, maxAgeDays: 7,"),
    )
  })
  afterAll(() => checkout.remove())

  it("ships to the embedded registry with audit and scan UNCHECKED, said in one line", async () => {
    const { exitCode, report, stderr } = await ship(checkout, org, "--family", "base")
    expect([exitCode, report.verdict], stderr).toEqual([0, "UNCHECKED"])
    for (const name of ["audit", "scan"]) expect(gate(report, "base-python", name).verdict).toBe("UNCHECKED")
    for (const name of ["contract", "smoke", "sbom", "size"]) {
      expect([name, gate(report, "base-python", name).verdict]).toEqual([name, "PASS"])
    }
    const told = await fairlead(["ship", "--family", "base", "--registry", `127.0.0.1:5000/${org}`], {
      cwd: checkout.root,
    })
    expect(told.exitCode).toBe(0)
    expect(told.stdout.match(/^.*unchecked: .*$/gm)).toHaveLength(1)
    expect(told.stdout).not.toMatch(/scan\s+ok/)
  })

  it("is refused by any other registry, with exit code 3", async () => {
    // Only a key that the fleet trusts signs for such a registry; with it, the gates are what is left to refuse.
    expect((await fairlead(["key", "trust"], { cwd: checkout.root })).exitCode).toBe(0)
    // A dry run judges as the run itself does, and needs no registry that answers.
    const argv = ["ship", "--json", "--family", "base", "--registry", "registry.invalid/fleet", "--dry-run"]
    const told = await fairlead(argv, { cwd: checkout.root })
    expect(told.exitCode, told.stderr).toBe(3)
    const report: ShipReport = JSON.parse(told.stdout)
    expect(report.verdict).toBe("UNCHECKED")
    expect(report.families.map(({ ref }) => ref)).toEqual([undefined])
  })
})

describe("advisories for what is installed", () => {
  let checkout: Checkout
  beforeAll(async () => {
    checkout = await withAdvisories(records)
  })
  afterAll(() => checkout.remove())

  it("stop the release, naming both packages with the versions that have the fix; nothing is pushed", async () => {
    const { exitCode, report, stderr } = await ship(checkout, org, "--family", "web")
    expect(exitCode, stderr).toBe(1)
    const scan = gate(report, "family-web", "scan")
    expect(scan.verdict).toBe("FAIL")
    const found = scan.findings.map(({ risk }) => [risk?.ids[0], risk?.package, risk?.fixed?.[0]])
    expect(found).toContainEqual(["CVE-2099-0001", "h11", "9.9.9"])
    expect(found).toContainEqual(["CVE-2099-0002", "tzdata", "2099a-0+deb12u1"])
    const audit = gate(report, "family-web", "audit")
    expect(audit.findings.map(({ risk }) => risk?.ids)).toContainEqual(expect.arrayContaining(["CVE-2099-0001"]))
    for (const family of line) expect(await digestIn(org, family, report.tag)).toBeUndefined()
  })

  it("pass as ACCEPTED once somebody answers for them, and fail again when the day has passed", async () => {
    const registry = ["--registry", `127.0.0.1:5000/${org}`]
    for (const id of ["CVE-2099-0001", "CVE-2099-0002"]) {
      const told = await fairlead(
        ["risk", "accept", id, "--reason", "a test", "--by", "Test <test@example.org>", ...registry],
        { cwd: checkout.root },
      )
      expect(told.exitCode, told.stderr).toBe(0)
    }
    await checkout.change("risks.yaml", (text) => text)
    const accepted = await ship(checkout, org, "--family", "web")
    expect(accepted.exitCode, accepted.stderr + accepted.stdout).toBe(0)
    expect(gate(accepted.report, "family-web", "scan")).toMatchObject({ verdict: "ACCEPTED" })
    expect(gate(accepted.report, "family-web", "scan").brief).toMatch(/^2.*next expiry \d{4}-\d\d-\d\d$/)
    const later = new Date(Date.now() + 91 * 86_400_000).toISOString().slice(0, 10)
    const passed = await fairlead(["ship", "--json", "--family", "web", ...registry], {
      cwd: checkout.root,
      env: { FAIRLEAD_NOW: later },
    })
    expect(passed.exitCode, passed.stderr).toBe(1)
    expect(JSON.stringify(gate(JSON.parse(passed.stdout), "family-web", "scan").findings)).toMatch(/has passed/)
  })
})

describe("a source that cannot be read is an ERROR, exit code 3, and nothing is pushed", () => {
  const cases: [string, (checkout: Checkout) => Promise<void>][] = [
    ["deleted", (own) => rm(join(own.root, "advisories"), { recursive: true })],
    ["truncated", (own) => own.change("advisories/python.json", (text) => text.slice(0, 200))],
    ["too old", (own) => own.change("fleet.yaml", (text) => text.replace("maxAgeDays: 3650,", "maxAgeDays: 7,"))],
  ]
  it.each(cases)("%s", async (_, breaks) => {
    const own = await withAdvisories({
      python: { ...records.python, modified: "2024-10-10T00:00:00Z" },
    })
    try {
      await breaks(own)
      const { exitCode, report } = await ship(own, org, "--family", "base", "--allow-dirty")
      expect(exitCode).toBe(3)
      expect(gate(report, "base-python", "scan").verdict).toBe("ERROR")
      expect(await digestIn(org, "base-python", report.tag)).toBeUndefined()
    } finally {
      await own.remove()
    }
  })

  it("an audit service that answers nonsense", async () => {
    const server: Server = createServer((_, answer) => answer.end("<html>Welcome to the proxy</html>"))
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    const own = await Checkout.make()
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      await own.change("fleet.yaml", (text) => text.replace("advisories: {", `advisories: { python: "${url}",`))
      const { exitCode, report } = await ship(own, org, "--family", "base")
      expect(exitCode).toBe(3)
      expect(gate(report, "base-python", "audit").verdict).toBe("ERROR")
    } finally {
      server.close()
      await own.remove()
    }
  })
})

describe("a library that is missing", () => {
  it("is named together with the wheel that needs it and the Debian package that has it", async () => {
    const own = await Checkout.make()
    try {
      await own.change("dockerfiles/family-web.Dockerfile", (text) =>
        text.replace(
          /^USER 0:0$/m,
          `USER 0:0
RUN --mount=type=bind,source=steps/apt-get-install,target=/mnt/apt-get-install \\
    --mount=type=cache,id=apt-lists,target=/var/lib/apt/lists,sharing=locked \\
    --mount=type=cache,id=apt-archives,target=/var/cache/apt,sharing=locked \\
    --mount=type=secret,id=ca,target=/run/secrets/ca \\
    --mount=type=tmpfs,target=/tmp \\
    /mnt/apt-get-install libsndfile1 && rm /usr/lib/x86_64-linux-gnu/libsndfile.so.1*`,
        ),
      )
      await own.change("dockerfiles/requirements/family-web.lock", (text) => `${text.trimEnd()}\n${soundfile}`)
      await own.change("fleet.yaml", (text) =>
        text.replace("packages: [starlette, websockets, gunicorn]", "packages: [starlette, soundfile]"),
      )
      const { exitCode, report } = await ship(own, org, "--family", "web")
      expect(exitCode).toBe(1)
      const said = gate(report, "family-web", "audit").findings.map(({ what, fix }) => `${what} ${fix}`)
      expect(said).toContainEqual(expect.stringMatching(/soundfile .*libsndfile\.so\.1.*libsndfile1/s))
    } finally {
      await own.remove()
    }
  })
})

// The wheel without a library of its own: it loads the system's libsndfile.
const soundfile = `cffi==2.1.1 \\
    --hash=sha256:34e261f78cb6ceaaa36f42f2613f4380d94d9c759a9c73c769ee6e0247364632
pycparser==3.12 \\
    --hash=sha256:a076f3f489b39b43ed13563a1dafe42447445bec2e294154ec5c57fcdda4c85e
soundfile==0.14.0 \\
    --hash=sha256:8ba81ae3a89fd5ab3bef8a8eb481fbbe794e806309675a89b4df48b8d31908a8
`

describe("the SBOM", () => {
  it("lists every dpkg and every pip package of the image", async () => {
    const checkout = await Checkout.make()
    const refs: string[] = []
    try {
      const { report } = await ship(checkout, org, "--family", "web")
      const { facts, verdict } = gate(report, "family-web", "sbom")
      expect(verdict).toBe("PASS")
      const listed = (facts as { packages: { kind: string; name: string; version: string }[] }).packages
      const of = (kind: string) =>
        new Set(listed.filter((each) => each.kind === kind).map(({ name, version }) => `${name} ${version}`))
      const { ref } = report.families.at(-1)!
      refs.push(ref!)
      const inside = (...argv: string[]) =>
        execa("docker", ["run", "--rm", "--entrypoint", argv[0]!, ref!, ...argv.slice(1)]).then(({ stdout }) =>
          stdout.trim().split("\n"),
        )
      const dpkg = await inside("dpkg-query", "--show", "--showformat", "${Package} ${Version}\n")
      expect(dpkg.filter((each) => !of("debian").has(each))).toEqual([])
      expect(dpkg.length).toBeGreaterThan(50)
      const script = "import importlib.metadata as m\nfor d in m.distributions(): print(d.metadata['Name'], d.version)"
      const pip = await inside("python", "-c", script)
      const normal = (text: string) => text.toLowerCase().replace(/[-_.]+(?=.* )/g, "-")
      const python = new Set([...of("python")].map(normal))
      expect(pip.map(normal).filter((each) => !python.has(each))).toEqual([])
      expect(pip.length).toBeGreaterThan(10)
    } finally {
      for (const ref of refs) await execa("docker", ["image", "rm", ref], { reject: false })
      await checkout.remove()
    }
  })
})
