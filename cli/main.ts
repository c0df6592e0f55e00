import { CommanderError } from "commander"
import { Problem } from "../dagger/lib/problem.ts"
import { pc } from "../dagger/lib/report/colours.ts"
import { Interrupted } from "./interrupt.ts"
import { program } from "./program.ts"

try {
  await program().parseAsync(process.argv)
} catch (error) {
  process.exitCode = told(error)
}

/** Tells a person what went wrong, and answers the exit code. Bad input never gives a stack trace. */
function told(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Interrupted || (error as { cause?: unknown })?.cause instanceof Interrupted)
    return Number(process.exitCode ?? 130)
  if (error instanceof Problem) {
    process.stderr.write(`${pc.red("error")} ${error.message}\n`)
    return error.exitCode
  }
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOSPC") {
    const full = new Problem("a file could not be written", {
      why: `the disk is full: ${(error as NodeJS.ErrnoException).path ?? "see `df -h`"}`,
      fix: "make room (`fairlead prune` gives back what nothing needs), then run the same command again",
      exitCode: 3,
    })
    process.stderr.write(`${pc.red("error")} ${full.message}\n`)
    return full.exitCode
  }
  // A defect of Fairlead itself: here the stack is what whoever mends it needs.
  process.stderr.write(
    `${pc.red("defect")} fairlead failed in a way it should not: ${(error as Error)?.stack ?? error}\n`,
  )
  return 3
}
