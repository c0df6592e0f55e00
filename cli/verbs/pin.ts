import { Command } from "commander"
import { pinDocument, pinText } from "../../dagger/lib/report/pin.ts"
import type { Pin } from "../../dagger/lib/rollout/host/look.ts"
import { pinOf } from "../../dagger/lib/rollout/pin/pin.ts"
import { targetsOf } from "../../dagger/lib/rollout/targets.ts"
import { withRegistry } from "../open-registry.ts"
import { host, registry, type Shared, withShared, yard } from "../options.ts"
import { changingHosts } from "../rollout/held.ts"
import { readHistories } from "../rollout/histories.ts"
import { type OpenHosts, withHosts } from "../rollout/hosts.ts"
import { owner } from "../rollout/open.ts"
import { Progress } from "../show/progress.ts"
import { recordsOf } from "../yard.ts"

interface PinFlags extends Shared {
  host?: string[]
  yard?: string
  registry?: string
}

export const pinVerb = (): Command =>
  withShared(new Command("pin").description("hold a host, or the fleet, at a tag; the next deploy brings it there"))
    .argument("<tag>", "a published tag, such as 20261122-abc1234")
    .requiredOption("--reason <why>", "for whoever finds the pin; a line")
    .option("--until <day>", "the last day on which it holds, such as 2026-12-31 (default: until unpin)")
    .addOption(host())
    .addOption(yard())
    .addOption(registry())
    .action((tag: string, flags: PinFlags & { reason: string; until?: string }) => {
      // Refused before anything is readied or asked. The machine's own time: FAIRLEAD_NOW is for questions only.
      const pin = pinOf({ ...flags, tag }, { by: owner(), now: new Date() })
      return withHosts(flags, (open) => pinHosts(open, pin, flags))
    })

export const unpinVerb = (): Command =>
  withShared(
    new Command("unpin").description("let a host, or the fleet, follow releases again from the next deploy on"),
  )
    .option("--reason <why>", "for the history; a line")
    .addOption(host())
    .addOption(yard())
    .action((flags: PinFlags & { reason?: string }) => withHosts(flags, (open) => unpinHosts(open, flags)))

async function pinHosts(open: OpenHosts, pin: Pin, flags: PinFlags): Promise<void> {
  const { chosen, runner, names } = open
  const images = await requirePublished(open, pin.tag, flags)
  const before = await pinsOf(open)
  const { tag, reason } = pin
  const run = await changingHosts(runner, names, { verb: "pin", tag, reason }, async (hold) => {
    await runner.pin(hold, pin)
    return { notes: [`holds ${pin.until ? `until ${pin.until}` : "until unpin"}`] }
  })
  await readHistories(open, names)
  const hosts = names.map((host) => ({ host, pin, before: before[host] ?? null }))
  const document = pinDocument({ yard: chosen.yard, run, hosts, images })
  console.log(flags.json ? JSON.stringify(document) : pinText(document))
}

async function unpinHosts(open: OpenHosts, flags: PinFlags & { reason?: string }): Promise<void> {
  const { chosen, runner, names } = open
  const before = await pinsOf(open)
  const pinned = names.filter((host) => before[host])
  const run =
    pinned.length > 0
      ? await changingHosts(runner, pinned, unpinned(flags, before), async (hold) => {
          await runner.unpin(hold)
          return { notes: [`was held at ${before[hold.host]?.tag}`] }
        })
      : undefined
  if (pinned.length > 0) await readHistories(open, pinned)
  const hosts = names.map((host) => ({ host, pin: null, before: before[host] ?? null }))
  const document = pinDocument({ yard: chosen.yard, run, hosts, images: [] })
  console.log(flags.json ? JSON.stringify(document) : pinText(document))
}

const unpinned = ({ reason }: { reason?: string }, before: Record<string, Pin | undefined>) => {
  const tags = [...new Set(Object.values(before).flatMap((pin) => pin?.tag ?? []))]
  return { verb: "unpin" as const, ...(tags.length === 1 && { tag: tags[0] }), ...(reason && { reason }) }
}

/** Asked before anything changes, so that a host which cannot be asked leaves all as they are. */
async function pinsOf({ runner, names }: OpenHosts): Promise<Record<string, Pin | undefined>> {
  const looks = await Promise.all(names.map((host) => runner.look(host)))
  return Object.fromEntries(looks.map(({ host, pin }) => [host, pin]))
}

/** Every image that the hosts run has this tag, or nothing is pinned: half a fleet at a tag is what nobody asked for. */
async function requirePublished({ repository, chosen, names }: OpenHosts, tag: string, flags: PinFlags) {
  const progress = new Progress(flags)
  return withRegistry(repository, { flag: flags.registry, progress }, async ({ registry }) => {
    const { fleet, yard } = chosen
    // Stand-ins are held as well: whether they may go there is for `deploy` to say.
    const wish = { yard, hosts: names, tag, standIns: true, pins: {}, now: new Date() }
    const { instances } = await targetsOf(fleet, wish, { registry, records: recordsOf(registry.address) })
    const images = new Map(instances.map(({ image: { name, digest } }) => [name, { image: name, digest }]))
    return [...images.values()]
  })
}
