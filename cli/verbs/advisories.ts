import { Command } from "commander"
import { advisoriesReport, advisoriesText } from "../../dagger/lib/report/advisories.ts"
import { chooseSource } from "../advisories.ts"
import { clock, movedNote } from "../clock.ts"
import { openEngine, whileOpen } from "../engines.ts"
import { onInterrupt } from "../interrupt.ts"
import { advisories, type Shared, withShared } from "../options.ts"
import { partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { ready } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"
import { lookForAdvisories } from "../yard.ts"

export interface AdvisoriesFlags extends Shared {
  advisories?: string
}

export const advisoriesVerb = (): Command =>
  withShared(
    new Command("advisories").description("where vulnerabilities are looked up, how old it is, or why nobody looks"),
  )
    .addOption(advisories())
    .action(advisoriesAction)

/** Exit code 3 unless both gates can look. */
export async function advisoriesAction(flags: AdvisoriesFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  const { fleet, root } = repository
  const { now } = clock()
  const chosen = await chooseSource(fleet, flags.advisories)
  const out = new Progress(flags)
  const interrupt = onInterrupt()
  const look = async () => {
    if (chosen.known) return chosen.known
    const wanted = ["network", ...chosen.toolbox.map((part) => `toolbox:${part}`)]
    await ready(partsFor(fleet, chosen.toolbox, false), { wanted, say: out.say, signal: interrupt.signal })
    const { name } = await chooseEngine()
    const opened = await openEngine(name, { root, onLine: out.tool, signal: interrupt.signal })
    return whileOpen(opened, () => lookForAdvisories(opened, repository, chosen))
  }
  const found = await look().finally(() => {
    out.done()
    interrupt.stop()
  })
  const report = advisoriesReport(chosen.choice, found, fleet.policy.advisories.maxAgeDays)
  if (flags.json) console.log(JSON.stringify(report))
  else console.log([movedNote(clock()), advisoriesText(report, now)].filter(Boolean).join("\n"))
  process.exitCode = found.database.state === "ready" && found.python.state === "ready" ? 0 : 3
}
