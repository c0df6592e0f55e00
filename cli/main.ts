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
  // A defect of Fairlead itself: here the stack is what whoever mends it needs.
  process.stderr.write(
    `${pc.red("defect")} fairlead failed in a way it should not: ${(error as Error)?.stack ?? error}\n`,
  )
  return 3
}
