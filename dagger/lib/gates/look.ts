import type { Advisories } from "../advisories/advisories.ts"
import type { Engine, Secret } from "../engine/engine.ts"
import { lineage } from "../fleet/hierarchy.ts"
import { once } from "../once.ts"
import type { GateRecord, ImageRecord } from "../release/record.ts"
import { withAcceptances } from "../risks/accept.ts"
import { lookAtArchive } from "./archive.ts"
import type { Gate, Looking, Rules, Subject } from "./gate.ts"
import { lookInside } from "./inside.ts"
import { gates } from "./table.ts"
import { CouldNotLook, type Judged } from "./verdict.ts"

export type AnyGate = (typeof gates)[number]

/** What the gates of one image look with; whatever several of them want to see is looked at once. */
export function lookingAt(
  subject: Subject,
  rules: Rules,
  { engine, advisories, ca }: { engine: Engine; advisories: () => Promise<Advisories>; ca?: Secret },
): Looking {
  return {
    subject,
    rules,
    engine,
    ca,
    inside: once(() => lookInside(subject, rules.fleet, engine)),
    archived: once(() => lookAtArchive(subject, engine, { uncompressed: true })),
    advisories,
  }
}

/** One gate's answer over an image; what it could not see is an ERROR, never a PASS. */
export async function ask(gate: AnyGate, on: Looking): Promise<GateRecord> {
  const started = performance.now()
  const seconds = () => Math.round(performance.now() - started) / 1000
  try {
    const facts = await gate.look(on)
    return told(judged(gate, facts, on.rules, on.subject.contents), seconds())
  } catch (error) {
    if (!(error instanceof CouldNotLook)) throw error
    const findings = [{ what: error.what, fix: error.fix }]
    return { verdict: "ERROR", seconds: seconds(), facts: {}, findings, brief: "could not look" }
  }
}

/**
 * A record with verdicts by today's rules, and the gates that have to look again: they are new, read other facts than
 * were kept, could not look, or other advisories are known now.
 */
export function judgedAgain(
  record: ImageRecord,
  rules: Rules,
  advisories: Advisories,
): { record: ImageRecord; again: AnyGate[] } {
  const kept: Record<string, GateRecord> = {}
  const again: AnyGate[] = []
  for (const gate of gates) {
    const before = record.gates[gate.name]
    const facts = before && before.verdict !== "ERROR" ? recalled(gate, before.facts) : undefined
    if (!before || facts === undefined || gate.stale?.(facts as never, advisories, rules.now)) again.push(gate)
    else kept[gate.name] = told(judged(gate, facts, rules, record.contents), before.seconds)
  }
  return { record: { ...record, gates: kept }, again }
}

const judged = (gate: AnyGate, facts: unknown, rules: Rules, contents: string): Judged =>
  withAcceptances((gate as Gate<unknown>).judge(facts, rules), rules.risks, {
    family: rules.family,
    line: lineage(rules.fleet, rules.family).map(({ name }) => name),
    contents,
    now: rules.now,
  })

function recalled(gate: AnyGate, facts: unknown): unknown {
  try {
    return gate.recall(facts)
  } catch {
    return undefined
  }
}

const told = ({ verdict, facts, findings, notes, accepted, brief }: Judged, seconds: number): GateRecord => ({
  verdict,
  seconds,
  facts,
  findings,
  ...(notes?.length ? { notes } : {}),
  ...(accepted?.length ? { accepted } : {}),
  brief,
})
