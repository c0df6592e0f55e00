import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Ajv } from "ajv"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { explainVerb } from "../../../cli/verbs/explain.ts"
import { phasesVerb } from "../../../cli/verbs/phases.ts"
import { riskVerb } from "../../../cli/verbs/risk.ts"
import { Problem } from "../../../dagger/lib/problem.ts"
import { FolderStore } from "../../../dagger/lib/release/store.ts"
import { documentSchema } from "../../../dagger/lib/report/documents.ts"
import { dayOf, plusDays } from "../../../dagger/lib/risks/day.ts"
import { answer, h11, record, tzdata } from "./records.ts"

const clone = fileURLToPath(new URL("../../..", import.meta.url))
const today = dayOf(new Date())
const fits = (name: Parameters<typeof documentSchema>[0]) => new Ajv({ strict: false }).compile(documentSchema(name))

/** The verbs themselves, in a repository and a state folder of their own. No container engine is asked for anything. */
describe("the verbs risk, explain and phases", () => {
  let root = ""
  let home = ""
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "fleet-"))
    home = await mkdtemp(join(tmpdir(), "home-"))
    for (const name of ["HOME", "XDG_CONFIG_HOME", "FAIRLEAD_HOME"]) vi.stubEnv(name, home)
    vi.stubEnv("GIT_CONFIG_NOSYSTEM", "1")
    await copyFile(join(clone, "fleet.yaml"), join(root, "fleet.yaml"))
    const store = new FolderStore(join(home, "records", "127.0.0.1_5000", "my-fleet"))
    await store.put(record("family-web", { audit: answer([h11]), scan: answer([h11, tzdata]) }))
    await store.put(record("base-utils", { audit: answer(), scan: answer([tzdata]) }))
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await rm(root, { recursive: true })
    await rm(home, { recursive: true })
  })

  const verbs = { risk: riskVerb, explain: explainVerb, phases: phasesVerb }
  const fairlead = async ([verb, ...argv]: string[], now = "") => {
    vi.stubEnv("FAIRLEAD_NOW", now)
    const told: string[] = []
    const log = vi.spyOn(console, "log").mockImplementation((text: string) => void told.push(text))
    try {
      const where = ["--source", root, "--registry", "127.0.0.1:5000/my-fleet"]
      await verbs[verb as keyof typeof verbs]().parseAsync([...argv, ...where], { from: "user" })
      return { code: 0, stdout: told.join("\n"), stderr: "" }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return { code: error.exitCode, stdout: told.join("\n"), stderr: error.message }
    } finally {
      log.mockRestore()
    }
  }
  const by = ["--reason", "a test", "--by", "Ada <ada@example.org>"]

  it("want somebody who answers for it", async () => {
    const { code, stderr } = await fairlead(["risk", "accept", "CVE-2099-0001", "--reason", "x"])
    expect([code, stderr]).toEqual([2, expect.stringContaining("nobody is named who answers for it")])
  })

  it("write an entry, say what still fails, and that it counts once it is committed", async () => {
    const { code, stdout, stderr } = await fairlead(["risk", "accept", "CVE-2099-0001", ...by])
    expect(code, stderr).toBe(0)
    expect(stdout).toContain(
      `CVE-2099-0001 for h11 in family-web until ${plusDays(today, 90)}, by Ada <ada@example.org>`,
    )
    expect(stdout).toContain("it counts once it is committed")
    expect(stdout).toMatch(/still 1:\n {4}family-web {2}scan {2}CVE-2099-0002 in tzdata .*\n {6}fix: take 2099a/)
    expect(await readFile(join(root, "risks.yaml"), "utf8")).toContain("- id: CVE-2099-0001\n")
  })

  it("refuse it a second time, and write nothing then", async () => {
    const before = await readFile(join(root, "risks.yaml"), "utf8")
    const { code, stderr } = await fairlead(["risk", "accept", "GHSA-aaaa-bbbb-cccc", ...by])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/is accepted already.*\n.*--renew/)])
    expect(await readFile(join(root, "risks.yaml"), "utf8")).toBe(before)
  })

  it("answer with documents that fit their schemas", async () => {
    const accepted = await fairlead([
      "risk",
      "accept",
      "CVE-2099-0002",
      "--package",
      "tzdata",
      "--days",
      "10",
      "--json",
      ...by,
    ])
    const list = await fairlead(["risk", "list", "--json"])
    const why = await fairlead(["explain", "CVE-2099-0002", "--json"])
    const phases = await fairlead(["phases", "--json"])
    const told = { "risk-accept": accepted, "risk-list": list, explain: why, phases } as const
    for (const [name, { stdout, stderr }] of Object.entries(told)) {
      const valid = fits(name as keyof typeof told)
      expect([name, valid(JSON.parse(stdout)), valid.errors], stderr).toEqual([name, true, null])
    }
    expect(JSON.parse(accepted.stdout).failing).toEqual([])
    expect(JSON.parse(list.stdout).risks.map((each: { state: string }) => each.state)).toEqual(["in force", "in force"])
    expect(JSON.parse(phases.stdout).phases.map((each: { done: boolean }) => each.done)).not.toContain(true)
  })

  it("tell on a later day what will have passed then, and refuse an earlier day", async () => {
    const later = await fairlead(["risk", "list"], plusDays(today, 11))
    expect(later.stdout).toMatch(/CVE-2099-0002 .*none +passed/)
    expect(later.stdout).toMatch(/CVE-2099-0001 .*79 +in force/)
    expect(later.stdout).toContain(`FAIRLEAD_NOW: told as on ${plusDays(today, 11)}, not as of today`)
    expect((await fairlead(["risk", "list"], plusDays(today, -1))).code).toBe(2)
  })

  it("refuse a word that means nothing, with the nearest one", async () => {
    const { code, stderr } = await fairlead(["explain", "famly-web"])
    expect([code, stderr]).toEqual([2, expect.stringContaining("did you mean family-web?")])
  })

  it("take a broken risks.yaml for what it is: exit code 2, never no risks", async () => {
    const path = join(root, "risks.yaml")
    const good = await readFile(path, "utf8")
    await writeFile(path, good.replace("reviewBy:", "reviewby:"))
    try {
      for (const argv of [
        ["risk", "list"],
        ["risk", "accept", "CVE-2099-0001", ...by],
        ["phases"],
        ["explain", "web"],
      ]) {
        const { code, stderr } = await fairlead(argv)
        expect([argv[0], code, stderr]).toEqual([
          argv[0],
          2,
          expect.stringContaining("reviewby: is not known here; did you mean reviewBy?"),
        ])
      }
    } finally {
      await writeFile(path, good)
    }
  })
})
