import { Command, InvalidArgumentError } from "commander"
import { bytes } from "../../dagger/lib/fleet/bytes.ts"
import { duration, line } from "../../dagger/lib/report/text.ts"
import { breakDemo, hostFaults, mendDemo, receiverFaults } from "../demo/faults.ts"
import { demoParts, removeDemo } from "../demo/parts.ts"
import { asReadied, demoStatus, demoText } from "../demo/status.ts"
import { demoYard, yardName } from "../demo/yard.ts"
import { onInterrupt } from "../interrupt.ts"
import { type Shared, withShared } from "../options.ts"
import { partsFor } from "../parts.ts"
import { openRepository } from "../repository.ts"
import { forgetOperations } from "../rollout/operations.ts"
import { locked } from "../setup/lock.ts"
import { ready, readyLine } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"

export const demoVerb = (): Command => {
  const demo = new Command("demo").description("a whole yard on this machine: registry, hosts, observability receiver")
  for (const each of [upVerb(), downVerb(), statusVerb(), breakVerb(), mendVerb()]) demo.addCommand(each.exitOverride())
  return demo
}

const upVerb = (): Command =>
  withShared(new Command("up").description("start what is not up yet; the second time changes nothing"))
    .option("--disk <size>", 'give each host a disk of its own, such as "4 GB"', size)
    .action(async (flags: Shared & { disk?: number }) => {
      const { fleet } = await openRepository(flags.source)
      const out = new Progress(flags)
      const disk = flags.disk ?? (await demoYard())?.disk
      const { signal, stop } = onInterrupt()
      const demo = demoParts(fleet, { disk })
      const wanted = ["registry", ...demo.map(({ name }) => name)]
      const readied = await ready([...partsFor(fleet, ["host"], true), ...demo], { wanted, say: out.say, signal })
      stop()
      out.done()
      const status = asReadied(await demoYard())
      if (flags.json) return console.log(JSON.stringify(status))
      const changed = readied.parts.some((part) => part.changed)
      console.log(line("ready", readyLine(readied)))
      console.log(line("demo", changed ? `up in ${duration(readied.seconds)}` : "was up already"))
      console.log(demoText(status))
    })

const downVerb = (): Command =>
  withShared(new Command("down").description("remove the yard with all that ran on it; the embedded registry stays"))
    .option("--keep-keys", "the next yard has the same keys")
    .action(async (flags: Shared & { keepKeys?: boolean }) => {
      const { fleet } = await openRepository(flags.source)
      const out = new Progress(flags)
      const removed = await locked("setup", out, () => removeDemo(fleet, { keep: flags.keepKeys }))
      await forgetOperations(fleet, yardName())
      if (flags.json) return console.log(JSON.stringify({ schema: 1, removed }))
      for (const name of removed) console.log(line("removed", name))
      if (removed.length === 0) console.log(line("demo", "no yard was up"))
    })

const statusVerb = (): Command =>
  withShared(new Command("status").description("the hosts, and what the receiver was told")).action(
    async (flags: Shared) => {
      const { fleet } = await openRepository(flags.source)
      const status = await demoStatus(fleet, await demoYard())
      console.log(flags.json ? JSON.stringify(status) : demoText(status))
      process.exitCode = status.hosts.some(({ problem }) => problem) ? 3 : 0
    },
  )

const breakVerb = (): Command =>
  withShared(new Command("break").description("break something, to see what a verb makes of it"))
    .argument("<host>", "a host, or observability")
    .argument("<what>", "see below")
    .argument("[value]", "how much, where there is something to say")
    .addHelpText("after", `\nOn a host:\n${listed(hostFaults)}\n\nOn observability:\n${listed(receiverFaults)}`)
    .action(async (host: string, what: string, value: string | undefined, flags: Shared) => {
      const { fleet } = await openRepository(flags.source)
      await breakDemo(fleet, host, what, value)
      told(flags, host, `${host}: ${what}; fairlead demo mend ${host}`)
    })

const mendVerb = (): Command =>
  withShared(new Command("mend").description("undo what was broken"))
    .argument("<host>", "a host, or observability")
    .action(async (host: string, flags: Shared) => {
      const { fleet } = await openRepository(flags.source)
      await mendDemo(fleet, host)
      told(flags, host, `${host} is as it was`)
    })

const told = (flags: Shared, host: string, text: string): void =>
  console.log(flags.json ? JSON.stringify({ schema: 1, host }) : line("demo", text))

const listed = (faults: Record<string, { says: string }>): string =>
  Object.entries(faults)
    .map(([name, { says }]) => `  ${name.padEnd(9)} ${says}`)
    .join("\n")

/** A host's Docker alone wants some hundred megabytes. */
function size(text: string): number {
  const count = bytes(text.replace(/^(\d+(?:\.\d+)?)([A-Za-z])/, "$1 $2"))
  if (count >= 500e6) return count
  throw new InvalidArgumentError('it is no size such as "4 GB", or less than 500 MB.')
}
