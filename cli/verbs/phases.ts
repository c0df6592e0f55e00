import { Command } from "commander"
import { evidenceOf } from "../../dagger/lib/phases/operations.ts"
import { lookAtRepository } from "../../dagger/lib/phases/repository.ts"
import { phaseAnswers } from "../../dagger/lib/phases/table.ts"
import { phasesText } from "../../dagger/lib/report/phases.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { loadRisks } from "../../dagger/lib/risks/load.ts"
import { clock, movedNote } from "../clock.ts"
import { yardNamed } from "../hosts/choose.ts"
import { newestRecords } from "../newest.ts"
import { registry, type Shared, withShared, yard } from "../options.ts"
import { openRepository } from "../repository.ts"
import { operationsOf } from "../rollout/operations.ts"

export const phasesVerb = (): Command =>
  withShared(new Command("phases").description("the blueprint's nine phases, each done only by records that prove it"))
    .addOption(registry())
    .addOption(yard())
    .action(async (flags: Shared & { registry?: string; yard?: string }) => {
      const repository = await openRepository(flags.source)
      const { fleet, root } = repository
      const time = clock()
      const about = await yardNamed(flags.yard)
      const risks = await loadRisks(root, fleet)
      const { records, releases } = await newestRecords(repository, flags.registry)
      const phases = phaseAnswers({
        fleet,
        records,
        risks,
        now: time.now,
        repository: await lookAtRepository(root, fleet),
        releases,
        operations: evidenceOf(await operationsOf(fleet, about)),
      })
      if (flags.json) return console.log(JSON.stringify({ schema: 1, at: time.now.toISOString(), yard: about, phases }))
      const moved = movedNote(time)
      console.log(
        [
          ...(moved ? [line("note", moved)] : []),
          ...(about === "fleet.yaml" ? [] : [line("yard", `${about}: what happened on real hosts is not counted`)]),
          phasesText(phases, flags.verbose),
        ].join("\n"),
      )
    })
