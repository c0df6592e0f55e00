import { Command } from "commander"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { parseReference } from "../../dagger/lib/release/reference.ts"
import { repository as repositoryOf } from "../../dagger/lib/release/registry.ts"
import { resolved, verifyRelease } from "../../dagger/lib/release/verify.ts"
import { verifyText } from "../../dagger/lib/report/verify.ts"
import { clock } from "../clock.ts"
import { publicHalfHere } from "../keys.ts"
import { withRegistry } from "../open-registry.ts"
import { registry as registryOption, type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"
import { Progress } from "../show/progress.ts"

export const verifyVerb = (): Command =>
  withShared(
    new Command("verify").description("whether a published image has a good record that somebody trusted signed"),
  )
    .argument("<ref>", "host/org/family:tag, …@sha256:…, or a family: what is released now")
    .addOption(registryOption())
    .action(async (ref: string, flags: Shared & { registry?: string }) => {
      const repository = await openRepository(flags.source)
      const { fleet } = repository
      const { now } = clock()
      const { address: named, family, name } = parseReference(ref, fleet)
      const trust = trustOf(repository, await publicHalfHere())
      const flag = named ? `${named.host}/${named.org}` : flags.registry
      const out = new Progress(flags)
      await withRegistry(repository, { flag, progress: out }, async ({ registry, chosen }) => {
        const digest = await resolved(registry, family, name)
        const verified = await verifyRelease({ registry, trust, now }, { family, digest })
        out.done()
        const full = `${repositoryOf(chosen.address, family)}${name.startsWith("sha256:") ? "@" : ":"}${name}`
        console.log(flags.json ? JSON.stringify({ schema: 1, ref: full, ...verified }) : verifyText(full, verified))
        process.exitCode = verified.good ? 0 : 1
      })
    })
