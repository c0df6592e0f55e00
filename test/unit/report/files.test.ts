import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { writeInto, writeReport, writeReports } from "../../../cli/report-files.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import { MemoryStore } from "../../../dagger/lib/release/store.ts"
import { recordedState, shippedState } from "../../../dagger/lib/report/history.ts"
import { bigFleet, bigState, today } from "../../fleets/big.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "reports-"))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const state = async () => bigState(200)

describe("the files that ship writes", () => {
  it("are those that the flags name", async () => {
    const [summary, sarif, junit] = ["made/summary.md", "made/fleet.sarif", "made/fleet.xml"].map((each) =>
      join(folder, each),
    )
    await writeReports({ summary, sarif, junit }, state)
    expect(await readFile(summary!, "utf8")).toMatch(/^## my-fleet: ERROR\n/)
    expect(JSON.parse(await readFile(sarif!, "utf8")).version).toBe("2.1.0")
    expect(await readFile(junit!, "utf8")).toMatch(/^<\?xml /)
  })

  it("add the summary to a GitHub job's own, and leave what stands there", async () => {
    const job = join(folder, "job.md")
    await writeFile(job, "of another step\n")
    vi.stubEnv("GITHUB_STEP_SUMMARY", job)
    await writeReports({}, state)
    expect(await readFile(job, "utf8")).toMatch(/^of another step\n## my-fleet: ERROR\n/)
    const own = join(folder, "own.md")
    await writeReports({ summary: own }, state)
    expect((await readFile(job, "utf8")).match(/## my-fleet/g)).toHaveLength(1)
  })

  it("are not asked for where nobody wants them", async () => {
    vi.stubEnv("GITHUB_STEP_SUMMARY", "")
    await writeReports({}, () => Promise.reject(new Error("nobody should ask")))
  })

  it("say where they cannot be written, and come back at once", async () => {
    await expect(writeReport("/proc/no/such/report.html", "x")).rejects.toThrow(
      /^\/proc\/no\/such\/report\.html: the report cannot be written: ENOENT/,
    )
  })
})

describe("what a store knows", () => {
  const [newest, older] = (() => {
    const { release, before } = bigState(200).families[0]!
    return [release, before[0]] as ImageRecord[]
  })()
  const store = async () => {
    const records = new MemoryStore()
    await records.put(older!)
    await records.put(newest!)
    await records.released({
      family: "base-python",
      tag: "20261122-abc1234",
      ref: "r",
      digest: newest!.digest,
      at: newest!.at,
    })
    return records
  }

  it("is each family's history with the tags that were published", async () => {
    const told = await recordedState({ fleet: bigFleet, risks: [], now: today, records: await store() })
    const [base, utils] = told.families
    expect(base?.release).toMatchObject({ digest: newest!.digest, tag: "20261122-abc1234" })
    expect(base?.before.map(({ digest }) => digest)).toEqual([older!.digest])
    expect(utils?.standing).toBe("NOT KNOWN")
  })

  it("stands behind what was shipped just now, and tells nothing but that", async () => {
    const shipped = {
      ...older!,
      verdict: "PASS" as const,
      reused: false,
      reason: "python 3.11.3",
      ref: "h/o/base-python:t2",
    }
    const report = { schema: 1 as const, verdict: "PASS" as const, tag: "t2", families: [shipped], seconds: 1 }
    const told = await shippedState(report, { fleet: bigFleet, risks: [], now: today, records: await store() })
    expect(told.families.map(({ family }) => family)).toEqual(["base-python"])
    expect(told.families[0]?.release).toMatchObject({ digest: older!.digest, tag: "t2" })
    expect(told.families[0]?.before.map(({ digest }) => digest)).toEqual([newest!.digest])
  })
})

describe("a report in a page", () => {
  it("takes the place of what stands between two lines, and of nothing else", async () => {
    const page = join(folder, "page.md")
    await writeFile(page, "# Sizes\n\n---\n\nold\n\n---\n\n## More\n| a |\n| --- |\n\n---\n\nend\n")
    for (const text of ["| $& |\n", "| new |\n| --- |\n"]) {
      expect(await writeInto(page, text)).toBe(page)
      expect(await readFile(page, "utf8")).toBe(
        `# Sizes\n\n---\n\n${text.trim()}\n\n---\n\n## More\n| a |\n| --- |\n\n---\n\nend\n`,
      )
    }
  })

  it("is not written where the page has no place for it", async () => {
    const page = join(folder, "page.md")
    await writeFile(page, "# Sizes\n\n---\n")
    await expect(writeInto(page, "x")).rejects.toThrow(/no two lines/)
    expect(await readFile(page, "utf8")).toBe("# Sizes\n\n---\n")
  })
})
