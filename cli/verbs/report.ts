import { Command, Option } from "commander"
import { formats } from "../../dagger/lib/report/formats.ts"
import { recordedState } from "../../dagger/lib/report/history.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { count, listed } from "../../dagger/lib/report/words.ts"
import { loadRisks } from "../../dagger/lib/risks/load.ts"
import { clock, movedNote } from "../clock.ts"
import { registry, type Shared } from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import { writeInto, writeReport } from "../report-files.ts"
import { openRepository } from "../repository.ts"
import { inHome, stateFolder } from "../state.ts"
import { version } from "../version.ts"
import { recordsOf } from "../yard.ts"

interface ReportVerbFlags extends Shared {
  format: string
  output?: string
  into?: string
  registry?: string
}

export const reportVerb = (): Command =>
  new Command("report")
    .description("the fleet's state from its records: a page to open, or Markdown, SARIF, JUnit; builds nothing")
    .option("--source <folder>", "the fleet's repository (default: the nearest folder with a fleet.yaml)")
    .addOption(new Option("--format <format>", "what to write").choices(Object.keys(formats)).default("html"))
    .option("--output <file>", "where (default: html goes to the state folder, the others to stdout)")
    .addOption(
      new Option("--into <page>", 'write it between the first two lines of "---" of this page').conflicts("output"),
    )
    .addOption(registry())
    .action(async (flags: ReportVerbFlags) => {
      const { root, fleet } = await openRepository(flags.source)
      const time = clock()
      const { address } = await chooseRegistry(fleet, flags.registry)
      const risks = await loadRisks(root, fleet)
      const state = await recordedState({ fleet, risks, now: time.now, records: recordsOf(address) })
      const text = formats[flags.format]!(state, version)
      const moved = movedNote(time)
      if (moved) process.stderr.write(`${line("note", moved)}\n`)
      if (flags.into !== undefined) return void console.log(await writeInto(flags.into, text))
      if (flags.output === undefined && flags.format !== "html") return void process.stdout.write(text)
      if (flags.output === undefined) await stateFolder()
      console.log(await writeReport(flags.output ?? inHome("fairlead-report.html"), text))
      const silent = state.families
        .filter(({ release, buildable }) => buildable && !release)
        .map(({ family }) => family)
      const hosted = `${address.host}/${address.org}`
      process.stderr.write(
        `  ${count(state.families.filter(({ release }) => release).length, "family", "families")} with a record of ${hosted}${silent.length > 0 ? `; none of ${listed(silent)}` : ""}\n`,
      )
    })
