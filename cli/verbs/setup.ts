import { Command } from "commander"
import { line } from "../../dagger/lib/report/text.ts"
import { type Shared, withShared } from "../options.ts"
import { everyToolboxPart, partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { ready, readyLine } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"

export const setupVerb = (): Command =>
  withShared(
    new Command("setup").description("ready everything now that other verbs would ready when they need it"),
  ).action(async (flags: Shared) => {
    const { fleet } = await openRepository(flags.source)
    const out = new Progress(flags)
    const readied = await ready(partsFor(fleet, everyToolboxPart, true), { say: out.say })
    out.done()
    console.log(flags.json ? JSON.stringify({ schema: 1, ...readied }) : line("ready", readyLine(readied)))
  })
