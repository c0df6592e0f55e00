import type { Subject } from "../gates/gate.ts"
import { type AnyGate, ask, lookingAt } from "../gates/look.ts"
import { gates } from "../gates/table.ts"
import type { Yard } from "../yard.ts"
import type { GateRecord } from "./record.ts"
import { type ShipOptions, tell } from "./shipping.ts"

/** What the gates said of an image, and the seconds from the first question to the last answer. */
export interface Inspected {
  gates: Record<string, GateRecord>
  seconds: number
}

const oneCopyFrom = 1e9

/** Asks gates about an image, all side by side; one that fails does not hide what the others see. */
export async function inspect(
  yard: Yard,
  options: Pick<ShipOptions, "rules" | "machine" | "onEvent">,
  image: Omit<Subject, "machine">,
  which: readonly AnyGate[] = gates,
): Promise<Inspected> {
  const started = performance.now()
  const { family } = image
  const on = lookingAt({ ...image, machine: options.machine }, options.rules(family), yard)
  // Smoke unpacks the image once more. Of one that takes gigabytes there is one copy at a time.
  const unpacked = on.archived().then(
    ({ layers }) => layers.reduce((sum, { uncompressed }) => sum + (uncompressed ?? 0), 0),
    () => 0, // told by the gates that read it
  )
  const answers = await Promise.all(
    which.map(async (gate) => {
      if (gate.name === "smoke" && (await unpacked) > oneCopyFrom) await on.inside().catch(() => {})
      tell(options, { family, step: gate.name, state: "started" })
      const answer = await ask(gate, on)
      tell(options, { family, step: gate.name, state: "done", verdict: answer.verdict, brief: answer.brief })
      return [gate.name, answer] as const
    }),
  )
  return { gates: Object.fromEntries(answers), seconds: Math.round(performance.now() - started) / 1000 }
}
