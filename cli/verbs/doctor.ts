import { Argument, Command } from "commander"
import { line } from "../../dagger/lib/report/text.ts"
import { advisoriesRow } from "../advisories.ts"
import { type Shared, withShared } from "../options.ts"
import { everyToolboxPart, partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { clean } from "../setup/clean.ts"
import { doctor, doctorJson, doctorText } from "../setup/doctor.ts"
import { Progress } from "../show/progress.ts"
import { advisoriesAction } from "./advisories.ts"

export const doctorVerb = (): Command =>
  withShared(new Command("doctor").description("each part of the set-up, found or not, with the fix; changes nothing"))
    .addArgument(new Argument("[what]", "the same as `fairlead advisories`").choices(["advisories"]))
    .action(async (what: string | undefined, flags: Shared) => {
      if (what) return advisoriesAction(flags)
      const { fleet } = await openRepository(flags.source)
      const parts = partsFor(fleet, everyToolboxPart, true)
      const advisories = await advisoriesRow(fleet)
      // Verbs ready the part that looks vulnerabilities up when there is something to look them up in.
      const needs = parts.map(({ name }) => name).filter((name) => name !== "toolbox:scan")
      const found = await doctor(parts, { freeBytes: fleet.policy.cache.keepFree, needs, advisories })
      console.log(flags.json ? JSON.stringify(doctorJson(found)) : doctorText(found))
      process.exitCode = found.exitCode
    })

export const cleanVerb = (): Command =>
  withShared(new Command("clean").description("remove what set-up made, and nothing else"))
    .option("--engine", "also the container engine, if set-up installed it")
    .action(async (flags: Shared & { engine?: boolean }) => {
      const { fleet } = await openRepository(flags.source)
      const out = new Progress(flags)
      const done = await clean(partsFor(fleet, [...everyToolboxPart, "ssh"], true), {
        engine: flags.engine,
        say: out.say,
      })
      if (flags.json) return console.log(JSON.stringify({ schema: 1, ...done }))
      for (const name of done.removed) console.log(line("removed", name))
      for (const name of done.left) console.log(line("left", name))
    })
