import { describe, expect, it } from "vitest"
import type { Advisories } from "../../../dagger/lib/advisories/advisories.ts"
import { type ScanFacts, scan } from "../../../dagger/lib/gates/scan.ts"
import { fleet, rulesFor } from "./facts.ts"

const digest = (letter: string) => `sha256:${letter.repeat(64)}`

type Seen = NonNullable<ScanFacts["seen"]>
type Found = Seen["vulnerabilities"][number]
type Ready = ScanFacts & { seen: Seen; database: Extract<ScanFacts["database"], { state: "ready" }> }

const facts = (breaks: (facts: Ready) => void = () => {}): Ready => {
  const all: Ready = {
    digest: digest("c"),
    release: { id: "debian", codename: "bookworm" },
    python: "3.11.2",
    database: {
      state: "ready",
      digest: digest("d"),
      updatedAt: "2026-01-10T06:00:00Z",
      from: "a test's database",
      covers: ["debian 12", "pip"],
    },
    seen: {
      trivy: "0.69.3",
      os: { family: "debian", name: "12.15", eosl: false },
      packages: { debian: 115, python: 17, other: {} },
      vendored: [],
      vulnerabilities: [],
      secrets: [],
    },
  }
  breaks(all)
  return all
}

const openssl: Found = {
  id: "CVE-2099-1001",
  aliases: ["DSA-9999-1"],
  kind: "debian",
  package: "libssl3",
  source: "openssl",
  path: null,
  installed: "3.0.22-1~deb12u2",
  fixed: ["3.0.99-1~deb12u9"],
  severity: "CRITICAL",
  status: "fixed",
  title: "a hole",
  layer: digest("1"),
  madeBy: "RUN |1 SOURCE_DATE_EPOCH=1 /bin/sh -c apt-get install --yes python3 tini && rm -rf /tmp/*",
  inBase: false,
}
const starlette: Found = {
  ...openssl,
  id: "CVE-2024-47874",
  aliases: ["GHSA-f96h-pmfr-66vw"],
  kind: "python",
  package: "starlette",
  source: null,
  path: "/opt/venv/lib/python3.11/site-packages/starlette-0.37.2.dist-info/METADATA",
  installed: "0.37.2",
  fixed: ["0.40.0"],
  severity: "HIGH",
}

const now = new Date("2026-01-12T12:00:00Z")
const judge = (seen: ScanFacts, policy: Partial<typeof fleet.policy.advisories> = {}, at = now) => {
  const advisories = { ...fleet.policy.advisories, ...policy }
  return scan.judge(
    seen,
    rulesFor("family-web", { now: at, fleet: { ...fleet, policy: { ...fleet.policy, advisories } } }),
  )
}
const found = (...all: Found[]) => facts((each) => each.seen.vulnerabilities.push(...all))

describe("scan", () => {
  it("passes what has no known weakness, and says in how many packages it looked", () => {
    expect(judge(facts())).toMatchObject({ verdict: "PASS", findings: [], notes: [], brief: "0 of 132 pkg" })
  })

  it("fails for each weakness that policy names, the gravest first, by all its names", () => {
    const { verdict, findings, brief } = judge(found(starlette, openssl))
    expect([verdict, brief]).toEqual(["FAIL", "1 critical, 1 high"])
    expect(findings.map(({ risk }) => risk)).toEqual([
      {
        ids: ["CVE-2099-1001", "DSA-9999-1"],
        package: "libssl3",
        kind: "debian",
        installed: "3.0.22-1~deb12u2",
        fixed: ["3.0.99-1~deb12u9"],
        severity: "CRITICAL",
      },
      {
        ids: ["CVE-2024-47874", "GHSA-f96h-pmfr-66vw"],
        package: "starlette",
        kind: "python",
        installed: "0.37.2",
        fixed: ["0.40.0"],
        severity: "HIGH",
      },
    ])
    expect(findings[0]!.what).toBe(
      "CRITICAL CVE-2099-1001 in libssl3 3.0.22-1~deb12u2 (source openssl), fixed in 3.0.99-1~deb12u9: a hole",
    )
  })

  it("says where a Debian package comes from, and what unblocks it there", () => {
    const { findings } = judge(found(openssl, { ...openssl, package: "zlib1g", inBase: true, madeBy: "mmdebstrap" }))
    expect(findings[0]).toMatchObject({
      where: expect.stringMatching(/^set by dockerfiles\/base-python\.Dockerfile:3 /),
      fix: "when the mirror has libssl3 3.0.99-1~deb12u9: `fairlead ship --family family-web --no-cache`",
    })
    expect(findings[1]).toMatchObject({
      where: "comes with debian:bookworm-slim, bases.debian in fleet.yaml",
      fix: expect.stringMatching(/^when the mirror has zlib1g .*make the base anew, by moving epoch in fleet\.yaml/),
    })
  })

  it("says that the frozen baseline holds a Python package, and that it can be accepted", () => {
    expect(judge(found(starlette)).findings[0]).toMatchObject({
      where: expect.stringContaining("dockerfiles/requirements/family-web.lock:3"),
      fix: expect.stringMatching(
        /starlette 0\.40\.0 has the fix.*freezes starlette 0\.37\.2 in family-web.*risk accept/,
      ),
    })
  })

  it("names the nearest of several fixed versions that is above the installed one", () => {
    const { findings } = judge(
      found({ ...starlette, package: "fastapi", installed: "2.0.0", fixed: ["1.9.1", "3.1", "2.0.1"] }),
    )
    expect(findings[0]!.risk!.fixed).toEqual(["2.0.1", "3.1"])
  })

  it("lets pass what has no fix, if policy says so, and counts it", () => {
    const unfixed = { ...openssl, fixed: [], status: "affected" }
    expect(judge(found(unfixed))).toMatchObject({
      verdict: "PASS",
      notes: [{ what: "let pass by policy.advisories: 1 critical without a fix" }],
    })
    const held = judge(found(unfixed), { ignoreUnfixed: false })
    expect(held.verdict).toBe("FAIL")
    expect(held.findings[0]).toMatchObject({
      what: expect.stringContaining("no version has a fix"),
      risk: { fixed: [] },
    })
  })

  it("counts what is below policy's severities", () => {
    const { verdict, notes } = judge(found({ ...openssl, severity: "MEDIUM" }, { ...starlette, severity: "LOW" }))
    expect([verdict, notes]).toEqual(["PASS", [{ what: "let pass by policy.advisories: 1 medium, 1 low" }]])
    expect(judge(found({ ...openssl, severity: "MEDIUM" }), { severities: ["MEDIUM"] }).verdict).toBe("FAIL")
  })

  it("tells of weaknesses whose severity nobody knows", () => {
    expect(judge(found({ ...starlette, severity: "UNKNOWN" })).notes).toEqual([
      { what: "nobody says how grave these are: CVE-2024-47874 in starlette 0.37.2" },
    ])
  })

  it("fails for a secret in a layer, and says where it is and never what it is", () => {
    const { verdict, findings, brief } = judge(
      facts((each) =>
        each.seen.secrets.push({
          path: "/app/settings.env",
          rule: "github-pat",
          title: "GitHub Personal Access Token",
          severity: "CRITICAL",
          line: 2,
          layer: digest("2"),
          madeBy: "RUN echo",
        }),
      ),
    )
    expect([verdict, brief]).toEqual(["FAIL", "1 secret"])
    expect(findings[0]).toMatchObject({
      what: "secret: GitHub Personal Access Token in /app/settings.env, line 2",
      evidence: "rule github-pat, layer sha256:222222222222: RUN echo",
      risk: { ids: ["github-pat"], package: "/app/settings.env", kind: "other" },
    })
  })

  it("fails for an end of life, which has no fix to be ignored", () => {
    const { verdict, brief } = judge(facts((each) => Object.assign(each, { python: "3.9.20" })))
    expect([verdict, brief]).toEqual(["FAIL", "end of life"])
  })

  it("is UNCHECKED without a database, says how to give one, and that secrets were not looked for", () => {
    const none: ScanFacts = {
      ...facts(),
      database: { state: "none", why: "no advisory source", fix: "give one" },
      seen: null,
    }
    const { verdict, findings, notes, brief } = judge(none)
    expect([verdict, findings, brief]).toEqual(["UNCHECKED", [], undefined])
    expect(notes).toEqual([
      { what: "no advisory source: nobody looked for known weaknesses, nor for secrets in layers", fix: "give one" },
    ])
    const ended = judge({ ...none, python: "3.9.20" })
    expect([ended.verdict, ended.otherwise]).toEqual(["FAIL", "UNCHECKED"])
  })

  it("is UNCHECKED where the database knows nothing of a kind of package", () => {
    const silent = facts((each) => Object.assign(each.database, { covers: ["pip", "debian 11"] }))
    const { verdict, notes } = judge(silent)
    expect(verdict).toBe("UNCHECKED")
    expect(notes?.[0]?.what).toBe(
      "a test's database has no advisory at all for 115 packages of debian 12.15: nobody looked them up",
    )
    expect(judge({ ...silent, seen: { ...silent.seen, vulnerabilities: [starlette] } }).verdict).toBe("FAIL")
  })

  it("is an ERROR by a database that is too old, too young or of no day, and still names what it found", () => {
    const aged = (updatedAt: string) =>
      judge(
        facts((each) => {
          each.database.updatedAt = updatedAt
          each.seen.vulnerabilities.push(starlette)
        }),
      )
    const { verdict, findings } = aged("2024-10-10T00:00:00Z")
    expect(verdict).toBe("ERROR")
    expect(findings[0]!.what).toBe("the database is from 2024-10-10, 459 days old, policy allows 7")
    expect(findings[1]!.what).toContain("starlette")
    expect(aged("2026-02-01T00:00:00Z").verdict).toBe("ERROR")
    expect(aged("yesterday").verdict).toBe("ERROR")
  })

  it("lets kept facts age", () => {
    expect(judge(facts(), {}, new Date("2026-01-17T00:00:00Z")).verdict).toBe("PASS")
    expect(judge(facts(), {}, new Date("2026-01-18T00:00:00Z")).verdict).toBe("ERROR")
  })

  it("looks again when another database is known, or none any more", () => {
    const { database } = facts()
    const knows = (database: Advisories["database"]) =>
      scan.stale!(facts(), { database, python: { state: "none", why: "" } }, new Date())
    expect(knows(database)).toBe(false)
    expect(knows({ ...facts().database, digest: digest("e") })).toBe(true)
    expect(knows({ state: "none", why: "" })).toBe(true)
    expect(knows({ state: "broken", why: "" })).toBe(true)
  })

  it("reads back facts that were kept, and refuses others", () => {
    const kept = found(openssl, starlette)
    expect(scan.recall(JSON.parse(JSON.stringify(kept)))).toEqual(kept)
    expect(() => scan.recall({ ...kept, seen: { ...kept.seen, trivy: "" } })).toThrow(/trivy/)
    expect(() => scan.recall({ ...kept, database: { state: "broken", why: "x" } })).toThrow(/not of the known shape/)
  })
})
