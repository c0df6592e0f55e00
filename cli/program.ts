import { Command } from "commander"
import { advisoriesVerb } from "./verbs/advisories.ts"
import { buildVerb } from "./verbs/build.ts"
import { ciVerb } from "./verbs/ci.ts"
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
import { rescanVerb } from "./verbs/rescan.ts"
import { riskVerb } from "./verbs/risk.ts"
import { rollbackVerb } from "./verbs/rollback.ts"
import { setupVerb } from "./verbs/setup.ts"
import { shipVerb } from "./verbs/ship.ts"
import { statusVerb } from "./verbs/status.ts"
import { testVerb } from "./verbs/test.ts"
import { verifyVerb } from "./verbs/verify.ts"
import { version } from "./version.ts"

/** Every verb with its flags, as the command line knows them. */
export function program(): Command {
  const all = new Command("fairlead")
    .description("Takes a fleet of container images from plan to running service and back.")
    .version(version)
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .showHelpAfterError("(fairlead --help shows the verbs)")
  for (const verb of verbs) all.addCommand(verb().exitOverride())
  return all
}

const verbs = [
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
  rescanVerb,
  reproduceVerb,
  keyVerb,
  composeVerb,
  ciVerb,
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
]
