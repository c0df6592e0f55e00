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
  /** What failed among the others and passed when its file ran again, alone: no failure, and not kept quiet. */
  unsteady: string[]
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
      for (const name of count.unsteady) console.log(line("unsteady", `${name}: passed only when its file ran again`))
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

/** More files than this do not fail together by accident: they are not tried again. */
const FILES_TRIED_AGAIN = 3

/** Runs one of vitest's projects. Files that failed run once more alone: on a busy machine that tells accident from defect. */
async function vitest(project: string): Promise<Count> {
  const first = await run(project)
  const files = [...new Set(first.filter(failed).map(({ file }) => file))]
  if (files.length === 0 || files.length > FILES_TRIED_AGAIN || files.includes(NO_FILE)) return countOf(first)
  console.log(line("again", files.join(", ")))
  const again = await run(project, files)
  const last = [...first.filter(({ file }) => !files.includes(file)), ...again]
  const passedNow = again.filter(({ status }) => status === "passed").map(named)
  return {
    ...countOf(last),
    unsteady: first
      .filter(failed)
      .map(named)
      .filter((name) => passedNow.includes(name)),
  }
}

/** One test's answer; or a file's as a whole where none of its tests could be asked, without a name then. */
interface Answer {
  file: string
  name?: string
  status: string
}

/** Stands for a run that failed and named no test. */
const NO_FILE = ""

/** One run of a project, or of some of its files: every test's answer. A run that told no answers has failed. */
async function run(project: string, files: string[] = []): Promise<Answer[]> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-test-"))
  const report = join(folder, "report.json")
  try {
    console.log(line("test", project))
    const json = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
    const exitCode = await npx(["vitest", "run", "--project", project, ...json, ...files])
    const answers = answersIn(JSON.parse(await readFile(report, "utf8").catch(() => "{}")))
    const told = exitCode === 0 || answers.some(failed)
    return told ? answers : [...answers, { file: NO_FILE, name: `vitest, ${project}`, status: "failed" }]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface VitestReport {
  testResults?: {
    name: string
    status: string
    assertionResults: { fullName: string; status: string }[]
  }[]
}

const answersIn = ({ testResults = [] }: VitestReport): Answer[] =>
  testResults.flatMap(({ name, status, assertionResults }): Answer[] => {
    const file = relative(fairleadRoot, name)
    const tests = assertionResults.map((test) => ({ file, name: test.fullName, status: test.status }))
    return status === "failed" && !tests.some(failed) ? [...tests, { file, status }] : tests
  })

const failed = ({ status }: Answer): boolean => status === "failed"
const named = ({ file, name }: Answer): string => [file, name].filter(Boolean).join(": ")

const countOf = (answers: Answer[]): Count => {
  const names = answers.filter(failed).map(named)
  const passed = answers.filter(({ status }) => status === "passed").length
  return { passed, failed: names.length, skipped: answers.length - passed - names.length, names, unsteady: [] }
}

const add = (sum: Count, more: Count): void => {
  sum.passed += more.passed
  sum.failed += more.failed
  sum.skipped += more.skipped
  sum.names.push(...more.names)
  sum.unsteady.push(...more.unsteady)
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
