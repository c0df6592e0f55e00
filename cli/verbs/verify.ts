import { Command } from "commander"
import { trustOf } from "../../dagger/lib/attest/trust.ts"
import { parseReference } from "../../dagger/lib/release/reference.ts"
import { Registry, repository } from "../../dagger/lib/release/registry.ts"
import { resolved, verifyRelease } from "../../dagger/lib/release/verify.ts"
import { verifyText } from "../../dagger/lib/report/verify.ts"
import { clock } from "../clock.ts"
import { openEngine } from "../engines.ts"
import { onInterrupt } from "../interrupt.ts"
import { publicHalfHere } from "../keys.ts"
import { registry as registryOption, type Shared, withShared } from "../options.ts"
import { partsFor } from "../parts.ts"
import { chooseRegistry } from "../registry.ts"
import { openRepository } from "../repository.ts"
import { chooseEngine } from "../setup/engine.ts"
import { ready } from "../setup/ready.ts"
import { Progress } from "../show/progress.ts"

export const verifyVerb = (): Command =>
  withShared(new Command("verify").description("whether a published image has a good record that a trusted key signed"))
    .argument("<ref>", "host/org/family:tag, …@sha256:…, or a family: what is released now")
    .addOption(registryOption())
    .action(async (ref: string, flags: Shared & { registry?: string }) => {
      const { fleet, root } = await openRepository(flags.source)
      const { now } = clock()
      const { address: named, family, name } = parseReference(ref, fleet)
      const trust = trustOf(fleet, await publicHalfHere())
      const { address, embedded, auth } = await chooseRegistry(
        fleet,
        named ? `${named.host}/${named.org}` : flags.registry,
      )
      const out = new Progress(flags)
      const interrupt = onInterrupt()
      const wanted = ["toolbox:sign", "network", ...(embedded ? ["registry"] : [])]
      await ready(partsFor(fleet, ["sign"], embedded), { wanted, say: out.say, signal: interrupt.signal })
      const { name: engineName } = await chooseEngine()
      const opened = await openEngine(engineName, { root, onLine: out.tool, signal: interrupt.signal })
      try {
        const login = auth === undefined ? undefined : opened.secretText("registry-auth", auth)
        const registry = new Registry(opened.engine, address, login, "sign")
        const digest = await resolved(registry, family, name)
        const verified = await verifyRelease({ registry, trust, now }, { family, digest })
        out.done()
        const full = `${repository(address, family)}${name.startsWith("sha256:") ? "@" : ":"}${name}`
        console.log(flags.json ? JSON.stringify({ schema: 1, ref: full, ...verified }) : verifyText(full, verified))
        process.exitCode = verified.good ? 0 : 1
      } finally {
        await opened.close()
        interrupt.stop()
      }
    })
