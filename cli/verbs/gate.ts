import { writeFile } from "node:fs/promises"
import { Command } from "commander"
import { rulesFor } from "../../dagger/lib/fleet/repository.ts"
import { ask, lookingAt } from "../../dagger/lib/gates/look.ts"
import { gates } from "../../dagger/lib/gates/table.ts"
import { worst } from "../../dagger/lib/gates/verdict.ts"
import { exitCodeOf } from "../../dagger/lib/release/ship.ts"
import { findingLines } from "../../dagger/lib/report/ship.ts"
import { duration, verdictWord } from "../../dagger/lib/report/text.ts"
import { app, family, machine, noCache, service, withShared } from "../options.ts"
import { type BuildFlags, withBuilt } from "./build.ts"

const says: Record<(typeof gates)[number]["name"], string> = {
  contract: "every fact of the blueprint, checked on the built image",
  smoke: "start the image as it will run, ask /health, stop it",
  size: "compare with the budget; the biggest layers and packages",
}

/** One verb per gate of the table, and `sbom`. */
export const gateVerbs: (() => Command)[] = [...gates.map((gate) => () => gateVerb(gate)), () => sbomVerb()]

const gateVerb = (gate: (typeof gates)[number]): Command =>
  onFamilies(new Command(gate.name).description(says[gate.name])).action(async (flags: BuildFlags) => {
    await withBuilt(flags, ["run"], async ({ reading, yard, built, out }) => {
      const rules = await rulesFor(
        yard,
        built.map((each) => each.family),
        flags.machine,
      )
      const families = []
      for (const image of built.filter((each) => reading.asked.includes(each.family))) {
        const { family, digest } = image
        const answer = await ask(gate, lookingAt({ ...image, machine: flags.machine }, rules(family), yard))
        families.push({ family, digest, verdict: answer.verdict, gates: { [gate.name]: answer } })
      }
      out.done()
      const verdict = worst(families.map((each) => each.verdict))
      if (flags.json) console.log(JSON.stringify({ schema: 1, verdict, families }))
      else {
        for (const { family, gates } of families) {
          const { verdict, brief, seconds, findings } = gates[gate.name]!
          console.log(`  ${family}  ${gate.name} ${verdictWord(verdict)} ${brief ?? ""} in ${duration(seconds)}`)
          for (const text of findings.flatMap(findingLines)) console.log(text)
        }
      }
      process.exitCode = exitCodeOf(verdict, true)
    })
  })

const sbomVerb = (): Command =>
  onFamilies(new Command("sbom").description("the SPDX JSON of a family's image, on stdout or in a file"))
    .option("--output <file>", "write it there")
    .action(async (flags: BuildFlags) => {
      await withBuilt(flags, [], async ({ reading, yard, built, out }) => {
        const image = built.find(({ family }) => family === reading.asked.at(-1))!
        const text = await yard.engine.read(image.sbom)
        out.done()
        if (!flags.output) return void process.stdout.write(text)
        await writeFile(flags.output, text)
        console.log(`  ${image.family}  ${image.packages} packages  ${flags.output}`)
      })
    })

const onFamilies = (command: Command): Command =>
  withShared(command)
    .addOption(family())
    .addOption(app())
    .addOption(service())
    .addOption(machine())
    .addOption(noCache())
