import { accessSync, constants, statSync } from "node:fs"
import { delimiter, join } from "node:path"
import { execa } from "execa"
import { lastLines } from "../../dagger/lib/engine/engine.ts"
import { Problem } from "../../dagger/lib/problem.ts"

export type Argv = readonly [string, ...string[]]

export interface RunOptions {
  timeoutSeconds?: number
  env?: Record<string, string>
  cwd?: string
}

/** How a command of this machine ended. */
export interface Ended {
  /** 127 where there is no such command, 124 where it took too long. */
  exitCode: number
  stdout: string
  stderr: string
  seconds: number
  /** Why there is no exit code of its own. */
  why?: string
}

/** Runs a command to its end. Never throws: how it ended is data. */
export async function run([file, ...rest]: Argv, options: RunOptions = {}): Promise<Ended> {
  const started = performance.now()
  const ended = await execa(file, rest, {
    reject: false,
    stdin: "ignore",
    cwd: options.cwd,
    env: options.env,
    timeout: options.timeoutSeconds && options.timeoutSeconds * 1000,
    forceKillAfterDelay: 2000,
  })
  const seconds = (performance.now() - started) / 1000
  const { stdout = "", stderr = "" } = ended
  const answer = { stdout, stderr, seconds }
  if (ended.timedOut) return { ...answer, exitCode: 124, why: `took longer than ${options.timeoutSeconds} s` }
  if (ended.signal) return { ...answer, exitCode: 130, why: `was stopped by ${ended.signal}` }
  if (ended.exitCode === undefined) return { ...answer, exitCode: 127, why: ended.shortMessage ?? `${file}: not found` }
  return { ...answer, exitCode: ended.exitCode }
}

/** The same for a command that has to succeed: a Problem with its last lines where it does not. */
export async function must(what: string, argv: Argv, options: RunOptions & { fix?: string } = {}): Promise<Ended> {
  const ended = await run(argv, options)
  if (ended.exitCode !== 0) throw new Problem(what, { why: toldBy(argv, ended), fix: options.fix })
  return ended
}

/** "apt-get exited 100; last lines: …" */
export function toldBy([file]: Argv, { exitCode, stdout, stderr, why }: Ended): string {
  const tail = lastLines(stderr.trim() ? stderr : stdout)
  return [why ?? `${file} exited ${exitCode}`, tail && `last lines:\n${tail}`].filter(Boolean).join("; ")
}

/** Where a command is, by PATH and then by the folders that a plain user's PATH leaves out. No process is started. */
export function onPath(name: string, more: readonly string[] = []): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), ...more]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

export const sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"]

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
