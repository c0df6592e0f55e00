import { Command } from "commander"
import { Problem } from "../../dagger/lib/problem.ts"
import { statusText } from "../../dagger/lib/report/status.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { askStatus } from "../../dagger/lib/rollout/status/ask.ts"
import { newsOf } from "../../dagger/lib/rollout/status/news.ts"
import { askReceiver } from "../../dagger/lib/rollout/status/receiver.ts"
import { type Asked, receiverUrl } from "../../dagger/lib/rollout/status/reports.ts"
import type { HostStatus } from "../../dagger/lib/rollout/status/status.ts"
import { clock, movedNote } from "../clock.ts"
import { demoYard } from "../demo/yard.ts"
import { newestRecords } from "../newest.ts"
import { host, registry, type Shared, withShared, yard } from "../options.ts"
import { readHistories } from "../rollout/histories.ts"
import { type OpenHosts, withHosts } from "../rollout/hosts.ts"
import { recordOperations } from "../rollout/operations.ts"

interface StatusFlags extends Shared {
  host?: string[]
  yard?: string
  registry?: string
  all?: boolean
}

export const statusVerb = (): Command =>
  withShared(new Command("status").description("what runs where, digest by digest, and what is not as it was deployed"))
    .addOption(host())
    .addOption(yard())
    .addOption(registry())
    .option("--all", "a line for each service, healthy ones among them")
    .action((flags: StatusFlags) => withHosts(flags, (open) => tellStatus(open, flags)))

async function tellStatus(open: OpenHosts, flags: StatusFlags): Promise<void> {
  const { fleet, yard } = open.chosen
  const time = clock()
  const url = async () => (yard === "fleet.yaml" ? receiverUrl(fleet) : (await demoYard())?.observability.url)
  const { document, hosts, receiver, exitCode } = await askStatus(open, {
    now: time.now,
    receiver: async () => askReceiver(await url()),
  })
  await keepWhatWasSeen(open, hosts, { receiver, at: document.at, registry: flags.registry })
  const moved = movedNote(time)
  if (flags.json) console.log(JSON.stringify(document))
  else console.log([...(moved ? [line("note", moved)] : []), statusText(document, { all: flags.all })].join("\n"))
  process.exitCode = exitCode
}

/** For `phases` and `explain`, which look at nothing anew. */
async function keepWhatWasSeen(
  open: OpenHosts,
  hosts: readonly HostStatus[],
  { receiver, at, registry }: { receiver: Asked; at: string; registry?: string },
): Promise<void> {
  const { fleet, yard } = open.chosen
  const { records } = await newestRecords(open.repository, registry)
  const reports = "reports" in receiver ? receiver.reports : []
  await recordOperations(fleet, yard, newsOf(hosts, { fleet, reports, records, at }))
  // Where nothing was ever deployed or pinned there is no history yet.
  const there = hosts.filter(({ reachable, deployed, pin }) => reachable && (deployed || pin))
  const read = there.map(({ host }) => readHistories(open, [host]).catch(unlessAsked))
  await Promise.all(read)
}

/** What runs was seen all the same; `fairlead history` tells what is wrong with a host's. */
function unlessAsked(error: unknown): void {
  if (!(error instanceof Problem)) throw error
}
