import type { PhaseAnswer } from "../phases/evidence.ts"
import { pc } from "./colours.ts"
import { line } from "./text.ts"

const atMost = 6

/** Each phase in a line, with what proves it where it is done, and what is missing where it is not. */
export function phasesText(answers: readonly PhaseAnswer[], all = false): string {
  const done = answers.filter((each) => each.done).length
  return [
    ...answers.flatMap((answer) => [
      head(answer),
      ...(answer.done ? some("proof", answer.proof, all) : some("missing", answer.missing, all)),
    ]),
    "",
    line("phases", `${done} of ${answers.length} done, by records`),
  ].join("\n")
}

const head = ({ phase, title, done, proof, missing }: PhaseAnswer): string => {
  const open = `${pc.yellow("open")}, ${missing.length} missing, ${proof.length} proved`
  return `  ${phase}  ${title}: ${done ? "done" : open}`
}

function some(word: string, sentences: readonly string[], all: boolean): string[] {
  const told = all ? sentences : sentences.slice(0, atMost)
  const more = sentences.length - told.length
  return [
    ...told.map((each) => `     ${pc.dim(word.padEnd(8))} ${each}`),
    ...(more > 0 ? [`     ${pc.dim("".padEnd(8))} and ${more} more (-v shows all)`] : []),
  ]
}
