import { Ajv } from "ajv"
import { describe, expect, it } from "vitest"
import { explain } from "../../../dagger/lib/explain/explain.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import type { Problem } from "../../../dagger/lib/problem.ts"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { explainText } from "../../../dagger/lib/report/explain.ts"
import { changed } from "../fleet/small.ts"
import { answer, contents, h11, now, record, risk, tzdata, unchecked } from "../risks/records.ts"

const fleet = parseFleet(changed("alias: c,", "alias: torch,"))
const sbom = (...packages: [string, string, string][]) =>
  answer([], { facts: { packages: packages.map(([kind, name, version]) => ({ kind, name, version })) } })
const inside = {
  inside: {
    debian: [{ name: "tzdata", version: "2026b", bytes: 1 }],
    distributions: [{ name: "numpy", version: "1.26.4" }],
  },
}

const records = [
  record("plain", {
    contract: answer([], { brief: "45/45" }),
    audit: unchecked(),
    scan: answer([h11]),
    sbom: sbom(["python", "h11", "0.16.0"], ["python", "typing_extensions", "4.16.0"], ["debian", "tzdata", "2026b"]),
  }),
  record(
    "llm",
    {
      audit: answer(),
      scan: answer([h11, tzdata]),
      sbom: sbom(["python", "h11", "0.14.0"], ["python", "torch", "2.2.2+cu121"]),
    },
    { digest: `sha256:${"b".repeat(64)}` },
  ),
  record("root", { contract: answer([], { facts: inside }) }, { digest: `sha256:${"e".repeat(64)}` }),
  record("plain", { scan: answer() }, { digest: `sha256:${"9".repeat(64)}`, at: "2026-11-01T00:00:00Z" }),
]
const releases = [
  {
    family: "plain",
    tag: "20261101-fedcba9",
    ref: "r/plain:20261101-fedcba9",
    digest: `sha256:${"9".repeat(64)}`,
    at: "2026-11-01T01:00:00Z",
  },
]
const known = { fleet, records, releases, risks: [risk({ families: { plain: contents } })], now }
const kinds = (word: string) => explain(word, known).map(({ kind }) => kind)

describe("a word", () => {
  it.each([
    ["FirstService", ["service"]],
    ["first_service", ["service"]],
    ["plain", ["family"]],
    ["p", ["family"]],
    ["torch", ["family", "package"]],
    ["Typing.Extensions", ["package"]],
    ["cve-2099-0001", ["advisory"]],
    ["GHSA-aaaa-bbbb-cccc", ["advisory"]],
    ["bbbbbbb", ["digest"]],
    [`sha256:${"9".repeat(64)}`, ["digest"]],
  ])("%s is %j", (word, meanings) => expect(kinds(word)).toEqual(meanings))

  it.each([
    ["FirstServise", "did you mean FirstService?"],
    ["typing-extension", "did you mean typing_extensions?"],
    ["CVE-2099-0012", "did you mean CVE-2099-0002?"],
    ["bbbbbb", "fix:"],
    ["*", "fix:"],
    ["constructor", "fix:"],
  ])("%s that means nothing is refused with the nearest", (word, fix) => {
    expect(() => explain(word, known)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(fix) }),
    )
  })

  it("that is an unknown advisory is never called absent where nobody looked", () => {
    try {
      explain("CVE-2000-1", known)
      expect.unreachable()
    } catch (error) {
      expect((error as Problem).message).toContain(
        "that says nothing of root (audit was never asked, scan was never asked), plain (audit UNCHECKED), cuda (no record)",
      )
    }
  })
})

describe("a package", () => {
  it("is told with version, family, services and hosts, and what is known of it", () => {
    expect(explain("h11", known)[0]).toMatchObject({
      kind: "package",
      found: [
        {
          family: "plain",
          version: "0.16.0",
          services: [
            { service: "FirstService", hosts: ["one", "two"] },
            { service: "SecondService", hosts: ["two"] },
          ],
        },
        { family: "llm", version: "0.14.0", services: [{ service: "ModelService", hosts: ["one"] }] },
      ],
      hosts: ["one", "two"],
      advisories: [{ family: "plain", gate: "scan", state: "failing" }, { family: "llm" }],
      risks: [{ id: "CVE-2099-0001", state: "in force" }],
      unknown: ["cuda"],
    })
  })

  it("is found by what the contract saw where a record has no SBOM", () => {
    expect(explain("numpy", known)[0]).toMatchObject({ found: [{ family: "root", version: "1.26.4", services: [] }] })
  })
})

describe("an advisory", () => {
  it("is told with where it is, its fix, who accepted it until when, and where nobody looked", () => {
    const [told] = explain("PYSEC-2099-1", known)
    expect(told).toMatchObject({
      kind: "advisory",
      ids: h11.ids,
      found: [
        { family: "plain", installed: "0.16.0", fixed: ["9.9.9"] },
        { family: "llm", services: [{ service: "ModelService" }] },
      ],
      risks: [{ by: "Ada <ada@example.org>", reviewBy: "2027-02-20", daysLeft: 90 }],
    })
    const text = explainText([told!])
    expect(text).toMatch(/failing .*plain {2}scan: HIGH CVE-2099-0001 in h11 0\.16\.0, fixed in 9\.9\.9/)
    expect(text).toMatch(/nobody could look at .*plain \(audit UNCHECKED\)/)
  })
})

describe("a family", () => {
  it("is told by its newest record, with what it stands on and who runs on it", () => {
    expect(explain("plain", known)[0]).toMatchObject({
      line: ["root", "plain"],
      base: "debian",
      image: {
        digest: records[0]!.digest,
        verdict: "FAIL",
        gates: { contract: { verdict: "PASS", brief: "45/45" }, audit: { verdict: "UNCHECKED" } },
      },
      services: [{ service: "FirstService" }, { service: "SecondService" }],
    })
  })

  it("without a record says so, and how to get one", () => {
    const answers = explain("cuda", known)
    expect(answers[0]).not.toHaveProperty("image")
    expect(explainText(answers)).toContain("no record, and no Dockerfile yet")
  })
})

it("tells a service with its places, its ports, its app and the newest image of its family", () => {
  expect(explain("ModelService", known)[0]).toMatchObject({
    container: "model_service",
    family: "llm",
    places: [{ host: "one", address: "192.0.2.1", wave: "gpu" }],
    port: 7003,
    healthPort: 8003,
    gpus: 1,
    app: { name: "stand-in", standIn: true },
    image: { digest: records[1]!.digest },
  })
})

it("tells which release a digest is, of an older record too", () => {
  const image = { published: [{ ref: "r/plain:20261101-fedcba9", at: "2026-11-01T01:00:00Z" }] }
  expect(explain("9999999", known)).toMatchObject([{ of: "image", family: "plain", newest: false, image }])
  expect(explain("20261101-fedcba9", known)).toMatchObject([{ of: "tag", family: "plain", image }])
  expect(explain("fedcba9", known).map((each) => each.kind === "digest" && [each.of, each.family])).toContainEqual([
    "commit",
    "llm",
  ])
})

it("answers with documents that fit their schema", () => {
  const valid = new Ajv({ strict: false }).compile(documentSchema("explain"))
  for (const word of ["FirstService", "torch", "h11", "CVE-2099-0001", "bbbbbbb", "cuda"]) {
    const document = JSON.parse(JSON.stringify({ schema: 1, word, answers: explain(word, known) }))
    expect([word, valid(document), valid.errors]).toEqual([word, true, null])
  }
})

it("lets nothing from a record steer the terminal", () => {
  const evil = [record("plain", { scan: answer([{ ...h11, package: "x\u001b[2J" }]) })]
  expect(explainText(explain("CVE-2099-0001", { ...known, records: evil }))).not.toContain("\u001b[2J")
})
