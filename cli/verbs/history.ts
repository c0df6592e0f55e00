import { Command } from "commander"
import { Problem } from "../../dagger/lib/problem.ts"
import {
  type AskedHistory,
  exitCodeOfHistory,
  historyDocument,
  historyText,
} from "../../dagger/lib/report/rollout-history.ts"
import { runsOf } from "../../dagger/lib/rollout/history/history.ts"
import { host, type Shared, withShared, yard } from "../options.ts"
import { readHistories } from "../rollout/histories.ts"
import { type OpenHosts, withHosts } from "../rollout/hosts.ts"

interface HistoryFlags extends Shared {
  host?: string[]
  yard?: string
  all?: boolean
}

export const historyVerb = (): Command =>
  withShared(new Command("history").description("who deployed what, when, and how it ended"))
    .addOption(host())
    .addOption(yard())
    .option("--all", "every run, and what each changed")
    .action((flags: HistoryFlags) => withHosts(flags, (open) => tellHistory(open, flags)))

async function tellHistory(open: OpenHosts, flags: HistoryFlags): Promise<void> {
  const asked = await Promise.all(open.names.map((host) => historyOf(open, host)))
  const read = asked.flatMap((each) => ("problem" in each ? [] : [each]))
  const document = historyDocument(open.chosen.yard, asked, runsOf(read))
  console.log(flags.json ? JSON.stringify(document) : historyText(document, { all: flags.all }))
  process.exitCode = exitCodeOfHistory(document)
}

/** A host that cannot be asked hides no other. */
async function historyOf(open: OpenHosts, host: string): Promise<AskedHistory> {
  try {
    const [history] = await readHistories(open, [host])
    return history!
  } catch (error) {
    if (error instanceof Problem) return { host, problem: error.message }
    throw error
  }
}
