import { Command, CommanderError } from "commander"
import { Problem } from "../dagger/lib/problem.ts"
import { pc } from "../dagger/lib/report/colours.ts"
import { Interrupted } from "./interrupt.ts"
import { advisoriesVerb } from "./verbs/advisories.ts"
import { buildVerb } from "./verbs/build.ts"
import { composeVerb } from "./verbs/compose.ts"
import { demoVerb } from "./verbs/demo.ts"
import { deployVerb } from "./verbs/deploy.ts"
import { cleanVerb, doctorVerb } from "./verbs/doctor.ts"
import { explainVerb } from "./verbs/explain.ts"
import { familiesVerb } from "./verbs/families.ts"
import { gateVerbs } from "./verbs/gate.ts"
import { historyVerb } from "./verbs/history.ts"
import { initVerb } from "./verbs/init.ts"
import { keyVerb } from "./verbs/key.ts"
import { lockVerb } from "./verbs/lock.ts"
import { phasesVerb } from "./verbs/phases.ts"
import { pinVerb, unpinVerb } from "./verbs/pin.ts"
import { planVerb } from "./verbs/plan.ts"
import { preflightVerb } from "./verbs/preflight.ts"
import { pruneVerb } from "./verbs/prune.ts"
import { reportVerb } from "./verbs/report.ts"
import { reproduceVerb } from "./verbs/reproduce.ts"
import { riskVerb } from "./verbs/risk.ts"
import { rollbackVerb } from "./verbs/rollback.ts"
import { setupVerb } from "./verbs/setup.ts"
import { shipVerb } from "./verbs/ship.ts"
import { statusVerb } from "./verbs/status.ts"
import { testVerb } from "./verbs/test.ts"
import { verifyVerb } from "./verbs/verify.ts"
import { version } from "./version.ts"

const program = new Command("fairlead")
  .description("Takes a fleet of container images from plan to running service and back.")
  .version(version)
  .exitOverride()
  .configureHelp({ sortSubcommands: false })
  .showHelpAfterError("(fairlead --help shows the verbs)")

for (const verb of [
  initVerb,
  familiesVerb,
  planVerb,
  buildVerb,
  shipVerb,
  ...gateVerbs,
  riskVerb,
  reportVerb,
  explainVerb,
  phasesVerb,
  verifyVerb,
  reproduceVerb,
  keyVerb,
  composeVerb,
  preflightVerb,
  deployVerb,
  rollbackVerb,
  statusVerb,
  historyVerb,
  pinVerb,
  unpinVerb,
  pruneVerb,
  lockVerb,
  advisoriesVerb,
  setupVerb,
  doctorVerb,
  cleanVerb,
  testVerb,
  demoVerb,
]) {
  program.addCommand(verb().exitOverride())
}

try {
  await program.parseAsync(process.argv)
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
