import { Command } from "commander"
import { explain } from "../../dagger/lib/explain/explain.ts"
import { explainText } from "../../dagger/lib/report/explain.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { loadRisks } from "../../dagger/lib/risks/load.ts"
import { clock, movedNote } from "../clock.ts"
import { newestRecords } from "../newest.ts"
import { registry, type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"
import { everyYard } from "../rollout/operations.ts"

export const explainVerb = (): Command =>
  withShared(
    new Command("explain").description("a service, family, package, CVE or digest: what is known, from records"),
  )
    .argument("<word>", "a name, an id, or at least 7 digits of a digest")
    .addOption(registry())
    .action(async (word: string, flags: Shared & { registry?: string }) => {
      const repository = await openRepository(flags.source)
      const { fleet, root } = repository
      const time = clock()
      const risks = await loadRisks(root, fleet)
      const { records, releases } = await newestRecords(repository, flags.registry)
      const known = {
        fleet,
        risks,
        now: time.now,
        records: Object.values(records).filter((record) => record !== undefined),
        releases,
        operations: await everyYard(fleet),
      }
      const answers = explain(word, known)
      if (flags.json) return console.log(JSON.stringify({ schema: 1, word, answers }))
      const moved = movedNote(time)
      console.log([...(moved ? [line("note", moved)] : []), explainText(answers)].join("\n"))
    })
