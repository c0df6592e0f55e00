import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { OpenEngine } from "../../cli/engines.ts"
import { probe } from "../../dagger/lib/gates/probe.ts"
import { candidates } from "./engines.ts"

/** What the probe answered in a case of audit_cases.py. */
interface Answered {
  failed?: string
  records?: number | null
  /** Whether a service knew of a weakness that everyone knows of. */
  canary?: boolean | null
  /** "torch 2.2.2" -> its advisories, each with its names and then the versions that have the fix. */
  answers?: Record<string, string[][]>
  exitCode?: number
  said?: boolean
}

const cases = fileURLToPath(new URL("audit_cases.py", import.meta.url))

describe.each(candidates)("pip-audit on $name", ({ skip, open }) => {
  const on = skip ? it.skip : it
  let opened: OpenEngine
  let seen: Record<string, Answered>

  beforeAll(async () => {
    if (skip) return
    opened = await open()
    const { engine } = opened
    const names = ["audit_probe.py", "osv_source.py"] as const
    const ran = await engine.run({
      name: "audit cases",
      image: "toolbox:scan",
      argv: ["python3", "-B", "/fairlead/cases.py", "/fairlead"],
      inputs: {
        "/fairlead/cases.py": engine.local(cases),
        ...Object.fromEntries(names.map((name) => [`/fairlead/${name}`, probe(engine, name)])),
      },
    })
    expect(ran.exitCode, ran.stderr).toBe(0)
    seen = JSON.parse(ran.stdout)
  })
  afterAll(() => opened?.close())

  on("finds what a folder of OSV records says, by PEP 440", () => {
    expect(seen.folder).toEqual({
      records: 11,
      canary: null,
      answers: {
        "torch 2.2.2": [["PYSEC-1", "CVE-1", "GHSA-1", "2.6.0"]],
        "torch 2.6.0": [],
        "Branches 4.2.1": [["CVE-2", "4.2.11", "5.0.3"]],
        "branches 4.2.11": [],
        "last 1.4": [["CVE-3"]],
        "last 1.4.1": [],
        "listed 1.0": [["CVE-4"]],
        "listed 1.1": [],
        "gone 1.0": [],
        "spelled-other-wise 1.0": [["CVE-6", "2"]],
        "early 0.1.dev1": [["CVE-7", "1.0"]],
        "early 1.0rc1": [["CVE-7", "1.0"]],
        "unclear 1.0": [["CVE-8"]],
        "again 1.0": [["PYSEC-9", "CVE-9", "GHSA-9", "1.3"]],
        "stranger 1.0": [],
      },
    })
    expect(seen["a list of records"]?.answers).toEqual({ "torch 2.2.2": [["PYSEC-1", "CVE-1", "GHSA-1", "2.6.0"]] })
  })

  on("asks a service, waits as told, reads every page, and tells when it knows of nothing", () => {
    const torch = ["PYSEC-1", "CVE-1", "GHSA-1", "2.6.0"]
    expect(seen["a service"]).toMatchObject({ canary: false, answers: { "torch 2.2.2": [torch], "stranger 1.0": [] } })
    expect(seen["a service with pages"]?.answers).toEqual({ "torch 2.2.2": [torch, ["PYSEC-11"]] })
    expect(seen["a service that is busy"]?.answers).toEqual({ "torch 2.2.2": [torch] })
  })

  on("would say that nothing is known, without --strict, of a package that it did not look up", () => {
    expect(seen["pip-audit without --strict"]).toEqual({ exitCode: 0, said: true })
  })

  on.each([
    ["a folder that is cut off", /cannot be read/],
    ["a folder without Python", /has no advisory for any Python package/],
    ["a folder of something else", /holds no OSV records/],
    ["a version that is none", /french-toast cannot be asked about/],
    ["HTML", /which is not JSON/],
    ["an empty list", /not of OSV's API/],
    ["null", /not of OSV's API/],
    ["an error in JSON", /not of OSV's API/],
    ["half an answer", /answered half about torch 2\.2\.2/],
    ["another package's advisories", /answered half/],
    ["404", /answered 404/],
    ["a service that is away", /cannot be reached/],
    ["PyPI without a network", /pip-audit exited 1 without an answer/],
    ["a crash", /exited 139 without an answer/],
    ["no answer", /exited 0 without an answer/],
    ["no JSON", /something else than its JSON/],
    ["skipped", /pip-audit skipped torch/],
    ["one left out", /asked about 2 packages, 1 answered: stranger 1\.0/],
    ["another version", /asked about 2 packages, 2 answered/],
    ["never asked", /did not ask the source about/],
  ])("does not see with %s", (name, why) => {
    expect(seen[name]?.failed).toMatch(why)
  })
})
