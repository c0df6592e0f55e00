import type { ToolboxPart } from "../dagger/lib/engine/engine.ts"
import type { Repository } from "../dagger/lib/fleet/repository.ts"
import { Registry } from "../dagger/lib/release/registry.ts"
import { openEngine, whileOpen } from "./engines.ts"
import { onInterrupt } from "./interrupt.ts"
import { partsFor } from "./parts.ts"
import { type ChosenRegistry, chooseRegistry } from "./registry.ts"
import { chooseEngine } from "./setup/engine.ts"
import { ready } from "./setup/ready.ts"
import type { Progress } from "./show/progress.ts"

/** A registry to ask and to change, by steps of the toolbox. */
export interface OpenRegistry {
  registry: Registry
  chosen: ChosenRegistry
  signal: AbortSignal
}

/** Readies what asking a registry takes, and leaves nothing running behind it. */
export async function withRegistry<T>(
  { fleet, root }: Repository,
  { flag, progress }: { flag?: string; progress: Pick<Progress, "say" | "done"> & Partial<Pick<Progress, "tool">> },
  work: (open: OpenRegistry) => Promise<T>,
): Promise<T> {
  const part: ToolboxPart = "sign"
  const chosen = await chooseRegistry(fleet, flag)
  const interrupt = onInterrupt()
  const wanted = [`toolbox:${part}`, "network", ...(chosen.embedded ? ["registry"] : [])]
  await ready(partsFor(fleet, [part], chosen.embedded), { wanted, say: progress.say, signal: interrupt.signal })
  const { name } = await chooseEngine()
  const opened = await openEngine(name, { root, onLine: progress.tool, signal: interrupt.signal })
  const working = async () => {
    const auth = chosen.auth === undefined ? undefined : opened.secretText("registry-auth", chosen.auth)
    const registry = new Registry(opened.engine, chosen.address, auth, part)
    return work({ registry, chosen, signal: interrupt.signal })
  }
  return whileOpen(opened, () => working().finally(() => progress.done())).finally(() => interrupt.stop())
}
