import { join } from "node:path"
import { Command } from "commander"
import pLimit from "p-limit"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { shippableImages } from "../../dagger/lib/ci/stages.ts"
import { rulesFor } from "../../dagger/lib/fleet/repository.ts"
import { exitCodeOf } from "../../dagger/lib/release/leave.ts"
import { isLoopback, Registry } from "../../dagger/lib/release/registry.ts"
import { type Rescan, rescan } from "../../dagger/lib/release/rescan.ts"
import { rescanDocument, rescanText } from "../../dagger/lib/report/rescan.ts"
import { type FleetState, fleetState } from "../../dagger/lib/report/state.ts"
import { line } from "../../dagger/lib/report/text.ts"
import type { Yard } from "../../dagger/lib/yard.ts"
import { commitOf } from "../git.ts"
import { publicHalfHere } from "../keys.ts"
import { advisories, registry, type Shared, withShared } from "../options.ts"
import { chooseRegistry } from "../registry.ts"
import {
  junitOption,
  type ReportFlags,
  sarifOption,
  summaryOption,
  writeReport,
  writeReports,
} from "../report-files.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { Progress } from "../show/progress.ts"
import { withYard } from "../yard.ts"

interface RescanFlags extends Shared, ReportFlags {
  registry?: string
  advisories?: string
  sboms?: string
}

export const rescanVerb = (): Command =>
  withShared(
    new Command("rescan").description(
      "what is released now, by today's advisories and rules; builds and publishes nothing",
    ),
  )
    .addOption(registry())
    .addOption(advisories())
    .addOption(summaryOption())
    .addOption(sarifOption())
    .addOption(junitOption())
    .option("--sboms <folder>", "write each image's signed SBOM there, as SPDX JSON")
    .action(rescanAction)

async function rescanAction(flags: RescanFlags): Promise<void> {
  const repository = await openRepository(flags.source)
  const { root, fleet } = repository
  const chosen = await chooseRegistry(fleet, flags.registry)
  const progress = new Progress(flags)
  const options = {
    ...{ repository, commit: await commitOf(root, []), registry: chosen, progress },
    choice: await chooseEngine(),
    toolbox: ["run", "sign"] as const,
    advisories: { flag: flags.advisories },
  }
  await withYard(options, async (yard) => {
    if (chosen.note) progress.say(line("note", chosen.note))
    const names = shippableImages(fleet)
    const found = await rescan(
      {
        yard,
        // The part that signs is at hand, and made in a fraction of the time that the one that builds takes.
        registry: new Registry(yard.engine, yard.registry, yard.auth, "sign"),
        trust: trustOf(repository, await publicHalfHere()),
        rules: await rulesFor(yard, names),
        side: pLimit(yard.parallel),
        sboms: flags.sboms !== undefined,
        onEvent: (event) => progress.event(event),
      },
      names,
    )
    progress.done()
    const document = rescanDocument(found, yard.registry)
    console.log(flags.json ? JSON.stringify(document) : rescanText(document))
    process.exitCode = exitCodeOf(document.verdict, isLoopback(yard.registry))
    await writeReports(flags, async () => stateOf(found, yard))
    if (flags.sboms !== undefined) await writeSboms(flags.sboms, found, progress)
  })
}

/** The fleet as reports tell it: what is released now, and nothing from before. */
const stateOf = ({ images }: Rescan, { fleet, risks, now }: Yard): FleetState =>
  fleetState({
    ...{ fleet, risks, now, only: images.map(({ family }) => family) },
    releases: new Map(images.map(({ family, record }) => [family, record ? [record] : []])),
  })

async function writeSboms(folder: string, { images }: Rescan, progress: Progress): Promise<void> {
  for (const { family, sbom } of images) {
    if (sbom === undefined) progress.say(line("note", `${family} has no SBOM that somebody trusted signed`))
    else await writeReport(join(folder, `${family}.spdx.json`), `${JSON.stringify(sbom)}\n`)
  }
}
