import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { Option } from "commander"
import { Problem } from "../dagger/lib/problem.ts"
import { formats } from "../dagger/lib/report/formats.ts"
import type { FleetState } from "../dagger/lib/report/state.ts"
import { version } from "./version.ts"

/** Where `ship` writes reports besides telling its result. */
export interface ReportFlags {
  summary?: string
  sarif?: string
  junit?: string
}

export const summaryOption = (): Option =>
  new Option("--summary <file>", "write a Markdown summary there (default: append it to $GITHUB_STEP_SUMMARY, if set)")

export const sarifOption = (): Option => new Option("--sarif <file>", "write SARIF 2.1.0 for code scanning there")

export const junitOption = (): Option => new Option("--junit <file>", "write JUnit XML there")

/** Writes what the flags ask for, and in a GitHub job its summary. */
export async function writeReports(flags: ReportFlags, state: () => Promise<FleetState>): Promise<void> {
  const job = flags.summary === undefined ? process.env.GITHUB_STEP_SUMMARY : undefined
  const wanted = [
    ["markdown", flags.summary],
    ["sarif", flags.sarif],
    ["junit", flags.junit],
  ] as const
  if (!job && wanted.every(([, file]) => file === undefined)) return
  const told = await state()
  for (const [format, file] of wanted) if (file !== undefined) await writeReport(file, formats[format]!(told, version))
  // Other steps of the job write there as well, so it is added to.
  if (job) await written(job, () => appendFile(job, formats.markdown!(told, version)))
}

/** Writes a report, and the folder that it stands in where that is missing; answers the whole path. */
export async function writeReport(file: string, text: string): Promise<string> {
  const path = resolve(file)
  await written(path, async () => {
    // Not with `recursive`: Node never comes back from that below /proc.
    await mkdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error
    })
    await writeFile(path, text)
  })
  return path
}

/**
 * Puts a report into a page, in the place of what stands between its first two lines of "---": figures that a command
 * regenerates, among prose that people write. Answers the whole path.
 */
export async function writeInto(page: string, text: string): Promise<string> {
  const path = resolve(page)
  await written(path, async () => writeFile(path, within(await readFile(path, "utf8"), text)))
  return path
}

function within(page: string, text: string): string {
  const [before, between, ...after] = page.split(/^---$/m)
  if (between === undefined || after.length === 0) throw new Error('it has no two lines of "---" to write between')
  return [before, `\n\n${text.trim()}\n\n`, ...after].join("---")
}

async function written(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    throw new Problem("the report cannot be written", {
      where: path,
      why: (error as Error).message,
      fix: "name a file that you may write, in a folder that is there",
    })
  }
}
