import type { Engine } from "../engine/engine.ts"
import type { GateRecord, ImageRecord } from "../release/record.ts"
import type { Rules, Subject } from "./gate.ts"
import { gates } from "./table.ts"
import { CouldNotLook } from "./verdict.ts"

export type AnyGate = (typeof gates)[number]

/** One gate's answer over an image; what it could not see is an ERROR, never a PASS. */
export async function ask(gate: AnyGate, subject: Subject, rules: Rules, engine: Engine): Promise<GateRecord> {
  const started = performance.now()
  const seconds = () => Math.round(performance.now() - started) / 1000
  try {
    const facts = await gate.look(subject, rules.fleet, engine)
    const { verdict, findings, brief } = gate.judge(facts as never, rules)
    return { verdict, seconds: seconds(), facts, findings, brief }
  } catch (error) {
    if (!(error instanceof CouldNotLook)) throw error
    const findings = [{ what: error.what, fix: error.fix }]
    return { verdict: "ERROR", seconds: seconds(), facts: {}, findings, brief: "could not look" }
  }
}

/** A record with verdicts by today's rules; undefined when a gate is new or reads other facts than were kept. */
export function judgedAgain(record: ImageRecord, rules: Rules): ImageRecord | undefined {
  const judged: Record<string, GateRecord> = {}
  for (const gate of gates) {
    const kept = record.gates[gate.name]
    if (!kept || kept.verdict === "ERROR") return undefined
    try {
      const { verdict, findings, brief } = gate.judge(gate.recall(kept.facts) as never, rules)
      judged[gate.name] = { ...kept, verdict, findings, brief }
    } catch {
      return undefined
    }
  }
  return { ...record, gates: judged }
}
