import { Command } from "commander"
import { nothingRecorded } from "../../dagger/lib/phases/evidence.ts"
import { lookAtRepository } from "../../dagger/lib/phases/repository.ts"
import { phaseAnswers } from "../../dagger/lib/phases/table.ts"
import { phasesText } from "../../dagger/lib/report/phases.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { loadRisks } from "../../dagger/lib/risks/load.ts"
import { clock, movedNote } from "../clock.ts"
import { newestRecords } from "../newest.ts"
import { registry, type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"

export const phasesVerb = (): Command =>
  withShared(new Command("phases").description("the blueprint's nine phases, each done only by records that prove it"))
    .addOption(registry())
    .action(async (flags: Shared & { registry?: string }) => {
      const repository = await openRepository(flags.source)
      const { fleet, root } = repository
      const time = clock()
      const risks = await loadRisks(root, fleet)
      const { records, releases } = await newestRecords(repository, flags.registry)
      const phases = phaseAnswers({
        fleet,
        records,
        risks,
        now: time.now,
        repository: await lookAtRepository(root, fleet),
        releases,
        // No verb writes records of what happened on hosts yet, so nothing of it is proved.
        operations: nothingRecorded,
      })
      if (flags.json) return console.log(JSON.stringify({ schema: 1, at: time.now.toISOString(), phases }))
      const moved = movedNote(time)
      console.log([...(moved ? [line("note", moved)] : []), phasesText(phases, flags.verbose)].join("\n"))
    })
