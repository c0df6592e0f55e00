import { Command } from "commander"
import { line } from "../../dagger/lib/report/text.ts"
import { caBundle } from "../ca.ts"
import { onInterrupt } from "../interrupt.ts"
import { type Shared, withShared } from "../options.ts"
import { everyToolboxPart, partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { writeDaggerDefaults } from "../setup/dagger-defaults.ts"
import { ready, readyLine } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"

export const setupVerb = (): Command =>
  withShared(new Command("setup").description("ready everything now that other verbs would ready when they need it"))
    .option("--dagger", "also keep toolbox and bases as files, and name them in .env for a Dagger engine")
    .action(async (flags: Shared & { dagger?: boolean }) => {
      const { fleet, root } = await openRepository(flags.source)
      const out = new Progress(flags)
      const { signal, stop } = onInterrupt()
      const readied = await ready(partsFor(fleet, everyToolboxPart, true), { say: out.say, signal })
      const file = flags.dagger ? await writeDaggerDefaults(root, fleet, caBundle()) : undefined
      stop()
      out.done()
      if (flags.json) return console.log(JSON.stringify({ schema: 1, ...readied, ...(file ? { env: file } : {}) }))
      console.log(line("ready", readyLine(readied)))
      if (file) console.log(line("dagger", `defaults for \`dagger call\` are in ${file}`))
    })
