import type { Rules } from "../gates/gate.ts"
import type { Verdict } from "../gates/verdict.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan } from "../plan/plan.ts"

/** What is to be shipped, and how. */
export interface ShipOptions {
  plan: Plan
  inputs: AllInputs
  rules: (family: string) => Rules
  /** The families that were asked for by name; the others are what they stand on. */
  asked: readonly string[]
  machine?: string
  noCache?: boolean
  /** Stop before the first write to a registry. */
  dryRun?: boolean
  onEvent?: (event: ShipEvent) => void
  /** Told once the registry was asked what it has, before anything is built. */
  onPlan?: (plan: Plan) => void
}

/** What happens while shipping, for whoever shows it. */
export interface ShipEvent {
  family: string
  /** "build", a gate's name, "publish". */
  step: string
  state: "started" | "done"
  verdict?: Verdict
  /** What fits into a cell. */
  brief?: string
  /** Seconds that it took the last time. */
  expected?: number
}

export const tell = (options: Pick<ShipOptions, "onEvent">, event: ShipEvent) => options.onEvent?.(event)
