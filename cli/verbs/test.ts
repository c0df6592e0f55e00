import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { Command } from "commander"
import { execa } from "execa"
import { Problem } from "../../dagger/lib/problem.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { partsFor, toolboxOfTests } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { ready } from "../setup/ready.ts"
import { fairleadRoot } from "../version.ts"

interface TestFlags {
  unit?: boolean
  requireEngine?: boolean
  long?: boolean
  heavy?: boolean
}

interface Count {
  passed: number
  failed: number
  skipped: number
  /** What failed, by file and name: said again at the end, since of a CI often the last lines are all that is kept. */
  names: string[]
}

export const testVerb = (): Command =>
  new Command("test")
    .description("Fairlead's own tests: lint, types, unit; then on a real engine conformance and the main job")
    .option("--unit", "only what needs no container engine")
    .option("--require-engine", "fail where no container engine can run, as in CI")
    .option("--long", "then what takes an hour: rollouts through cut connections, kills and full disks, many releases")
    .option("--heavy", "then ship all nine families, those of gigabytes too: a quarter of an hour, and 25 GB of disk")
    .action(async (flags: TestFlags) => {
      if (!existsSync(join(fairleadRoot, "test"))) {
        throw new Problem("the tests are not part of the package", {
          where: fairleadRoot,
          fix: "clone Fairlead's repository and run ./fairlead test there",
        })
      }
      const checks = await npx(["npm", "run", "--silent", "check"])
      const count = await vitest("unit")
      const missing = flags.unit
        ? "--unit"
        : checks === 0 && count.failed === 0
          ? await engineMissing()
          : "the checks above failed"
      if (missing === undefined) {
        for (const project of [
          "conformance",
          "e2e",
          ...(flags.long ? ["long"] : []),
          ...(flags.heavy ? ["heavy"] : []),
        ])
          add(count, await vitest(project))
      } else {
        console.log(line("skipped", `conformance, e2e: ${missing}`))
      }
      if (checks !== 0) {
        count.failed += 1
        count.names.push("npm run check")
      }
      for (const name of count.names) console.log(line("failed", name))
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
      process.exitCode = count.failed > 0 ? 1 : missing !== undefined && flags.requireEngine ? 3 : 0
    })

/** Why nothing that needs a container engine can run; undefined when it can. */
async function engineMissing(): Promise<string | undefined> {
  try {
    const { fleet } = await openRepository(fairleadRoot)
    const say = (text: string) => console.log(text)
    await ready(partsFor(fleet, toolboxOfTests, true), { say })
    return undefined
  } catch (error) {
    if (error instanceof Problem) return error.message
    throw error
  }
}

/** Runs one of vitest's projects and counts its answers; a run that told no count has failed. */
async function vitest(project: string): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-test-"))
  const file = join(folder, "report.json")
  try {
    console.log(line("test", project))
    const exitCode = await npx([
      "vitest",
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
    ])
    const report = JSON.parse(await readFile(file, "utf8").catch(() => "{}")) as VitestReport
    const failed = report.numFailedTests ?? 0
    const names = failuresOf(report)
    const count = { passed: report.numPassedTests ?? 0, failed, skipped: report.numPendingTests ?? 0, names }
    return exitCode !== 0 && failed === 0 ? { ...count, failed: 1, names: [...names, `vitest, ${project}`] } : count
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface VitestReport {
  numPassedTests?: number
  numFailedTests?: number
  numPendingTests?: number
  testResults?: {
    name: string
    status: string
    assertionResults: { fullName: string; status: string }[]
  }[]
}

/** Tests that failed, and files of which no test could be asked. */
const failuresOf = ({ testResults = [] }: VitestReport): string[] =>
  testResults.flatMap(({ name, status, assertionResults }) => {
    const file = relative(fairleadRoot, name)
    const failed = assertionResults.filter((test) => test.status === "failed")
    return failed.length === 0 && status === "failed" ? [file] : failed.map((test) => `${file}: ${test.fullName}`)
  })

const add = (sum: Count, more: Count): void => {
  sum.passed += more.passed
  sum.failed += more.failed
  sum.skipped += more.skipped
  sum.names.push(...more.names)
}

const npx = async ([command, ...argv]: string[]): Promise<number> =>
  (
    await execa(command!, argv, {
      cwd: fairleadRoot,
      preferLocal: true,
      localDir: fairleadRoot,
      stdio: ["ignore", "inherit", "inherit"],
      reject: false,
    })
  ).exitCode ?? 1
