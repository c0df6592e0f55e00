import type { Evidence, Phase, PhaseAnswer } from "./evidence.ts"
import { core, cpu, gpu, rollback, startUp } from "./hosts.ts"
import { audited, automated, baseline, built } from "./images.ts"

/** The nine phases of the blueprint, in order. */
export const phases: readonly Phase[] = [baseline, built, audited, automated, core, gpu, cpu, startUp, rollback]

/** Each phase with what proves it and what is missing; done only where nothing is. */
export const phaseAnswers = (evidence: Evidence): PhaseAnswer[] =>
  phases.map(({ phase, title, prove }) => {
    const { proof, missing } = prove(evidence)
    return { phase, title, done: missing.length === 0 && proof.length > 0, proof, missing }
  })
