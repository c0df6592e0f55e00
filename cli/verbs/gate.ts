import { writeFile } from "node:fs/promises"
import { Command } from "commander"
import { rulesFor } from "../../dagger/lib/fleet/repository.ts"
import { type AnyGate, ask, lookingAt } from "../../dagger/lib/gates/look.ts"
import { sbom } from "../../dagger/lib/gates/sbom.ts"
import { gates } from "../../dagger/lib/gates/table.ts"
import { type Verdict, worst } from "../../dagger/lib/gates/verdict.ts"
import { exitCodeOf } from "../../dagger/lib/release/leave.ts"
import type { GateRecord } from "../../dagger/lib/release/record.ts"
import { findingLines } from "../../dagger/lib/report/ship.ts"
import { duration, line, verdictWord } from "../../dagger/lib/report/text.ts"
import { advisories, app, family, machine, noCache, service, withShared } from "../options.ts"
import { type BuildFlags, type OnBuilt, withBuilt } from "./build.ts"

const says: Record<(typeof gates)[number]["name"], string> = {
  contract: "every fact of the blueprint, checked on the built image",
  smoke: "start the image as it will run, ask /health, stop it",
  audit: "known weaknesses of Python packages, imports, missing libraries, what nothing uses",
  scan: "known weaknesses of what is installed, secrets in layers, ends of life; what would unblock each",
  sbom: "check that the SBOM lists what is installed; the SPDX JSON goes to stdout or into a file",
  size: "compare with the budget; the biggest layers and packages",
}

/** One verb per gate of the table. */
export const gateVerbs: (() => Command)[] = gates.map(
  (gate) => () => (gate.name === "sbom" ? sbomVerb() : gateVerb(gate)),
)

const gateVerb = (gate: AnyGate): Command => {
  // A gate whose facts other advisories put out of date looks them up.
  const looksUp = "stale" in gate
  const command = onFamilies(new Command(gate.name).description(says[gate.name]))
  if (looksUp) command.addOption(advisories())
  return command.action(async (flags: BuildFlags) => {
    await withBuilt(flags, { toolbox: ["run"], advisories: looksUp }, async (on) => {
      const families = await askAbout(gate, on, flags)
      on.out.done()
      const verdict = worst(families.map((each) => each.verdict))
      console.log(flags.json ? JSON.stringify({ schema: 1, verdict, families }) : textOf(gate, families))
      process.exitCode = exitCodeOf(verdict, true)
    })
  })
}

/** The gate's answer, and the document that it is about: on stdout, with what people read on stderr, or in a file. */
const sbomVerb = (): Command =>
  onFamilies(new Command(sbom.name).description(says.sbom))
    .option("--output <file>", "write it there")
    .action(async (flags: BuildFlags) => {
      await withBuilt(flags, { toolbox: ["run"] }, async (on) => {
        const families = await askAbout(sbom, on, flags)
        const image = on.built.find(({ family }) => family === on.reading.asked.at(-1))!
        const text = await on.yard.engine.read(image.sbom)
        on.out.done()
        const verdict = worst(families.map((each) => each.verdict))
        if (flags.output) await writeFile(flags.output, text)
        if (flags.json) console.log(JSON.stringify({ schema: 1, verdict, families }))
        else if (flags.output) console.log(`${textOf(sbom, families)}\n  ${image.family}  ${flags.output}`)
        else {
          process.stdout.write(text)
          console.error(textOf(sbom, families))
        }
        process.exitCode = exitCodeOf(verdict, true)
      })
    })

type Answered = { family: string; digest: string; verdict: Verdict; gates: Record<string, GateRecord> }[]

async function askAbout(gate: AnyGate, { built, reading, yard }: OnBuilt, flags: BuildFlags): Promise<Answered> {
  const line = built.map((each) => each.family)
  const rules = await rulesFor(yard, line, flags.machine)
  const families: Answered = []
  for (const image of built.filter((each) => reading.asked.includes(each.family))) {
    const { family, digest } = image
    const answer = await ask(gate, lookingAt({ ...image, machine: flags.machine }, rules(family), yard))
    families.push({ family, digest, verdict: answer.verdict, gates: { [gate.name]: answer } })
  }
  return families
}

/** A line per family; below it what failed, and what people should know. */
const textOf = (gate: AnyGate, families: Answered): string =>
  families
    .flatMap(({ family, gates }) => {
      const { verdict, brief, seconds, findings, notes = [] } = gates[gate.name]!
      const head = `  ${family}  ${gate.name} ${verdictWord(verdict)} ${brief ?? ""} in ${duration(seconds)}`
      const told = notes.map(({ what, fix }) => line("note", fix ? `${what}; ${fix}` : what))
      return [head, ...findings.flatMap(findingLines), ...told]
    })
    .join("\n")

const onFamilies = (command: Command): Command =>
  withShared(command)
    .addOption(family())
    .addOption(app())
    .addOption(service())
    .addOption(machine())
    .addOption(noCache())
