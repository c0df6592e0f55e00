import { Command } from "commander"
import { historyText } from "../../dagger/lib/report/rollout-history.ts"
import { askHistory } from "../../dagger/lib/rollout/history/ask.ts"
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
  const { document, exitCode } = await askHistory(
    open.chosen.yard,
    open.names,
    async (host) => (await readHistories(open, [host]))[0]!,
  )
  console.log(flags.json ? JSON.stringify(document) : historyText(document, { all: flags.all }))
  process.exitCode = exitCode
}
