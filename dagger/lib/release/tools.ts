import { z } from "zod"
import type { Engine, Step, ToolboxPart } from "../engine/engine.ts"
import { builderVersion } from "../plan/tools.ts"
import { toItsEnd } from "./to-its-end.ts"

const partSchema = z.object({ part: z.string(), tools: z.record(z.string(), z.string()) })

/** The engine, the builder and every tool of the toolbox parts that steps of this run used, with versions. */
export async function toolsOf(engine: Engine): Promise<Record<string, string>> {
  const parts = await Promise.all([...engine.parts].sort().map((part) => toolsIn(engine, part)))
  return { engine: engine.name, builder: builderVersion(), ...Object.assign({}, ...parts) }
}

/** Asks parts for their versions already, while other steps run. */
export function askTools(engine: Engine, parts: readonly ToolboxPart[]): void {
  // Who needs the answer is told of a failure.
  for (const part of parts) toolsIn(engine, part).catch(() => {})
}

const asked = new WeakMap<Engine, Map<ToolboxPart, Promise<Record<string, string>>>>()

/** What a part says of itself; asked once per run. */
function toolsIn(engine: Engine, part: ToolboxPart): Promise<Record<string, string>> {
  const known = asked.get(engine) ?? new Map<ToolboxPart, Promise<Record<string, string>>>()
  asked.set(engine, known)
  const answer = known.get(part) ?? look(engine, part)
  known.set(part, answer)
  return answer
}

async function look(engine: Engine, part: ToolboxPart): Promise<Record<string, string>> {
  const step: Step = {
    name: `versions of ${part}`,
    image: `toolbox:${part}`,
    argv: ["cat", "/usr/share/fairlead/toolbox.json"],
  }
  const ran = await toItsEnd(engine, step, (said) => json(said) !== undefined)
  const read = partSchema.safeParse(json(ran.stdout))
  return read.success ? read.data.tools : {}
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
