import { DockerfileParser, type From, type Instruction } from "dockerfile-ast"
import { lineage } from "../fleet/hierarchy.ts"
import { readOnce } from "../once.ts"
import type { Rules } from "./gate.ts"

/** Finds the line of a Dockerfile that set something: the family's own first, then those that it stands on. */
export interface Origin {
  /** "set by dockerfiles/family-web.Dockerfile:31  USER root". */
  set(keyword: string, about?: RegExp): string | undefined
  /** The Dockerfile to look at where no single line is to blame. */
  file(): string | undefined
}

export function originOf(rules: Rules): Origin {
  const files = lineage(rules.fleet, rules.family)
    .map(({ dockerfile }) => dockerfile)
    .filter((path) => path !== undefined)
    .reverse()
  return {
    set(keyword, about = /^/) {
      for (const file of files) {
        const found = lastLine(rules.dockerfiles[file] ?? "", keyword, about)
        if (found) return `set by ${file}:${found.line}  ${found.text}`
      }
      return undefined
    },
    file: () => files[0] && `see ${files[0]}`,
  }
}

/** The last line of the shipped stage that this instruction has about something. */
function lastLine(dockerfile: string, keyword: string, about: RegExp): { line: number; text: string } | undefined {
  const { lines, instructions } = shipped(dockerfile)
  for (const instruction of instructions.filter((each) => each.getKeyword() === keyword).reverse()) {
    const { start, end } = instruction.getRange()
    const own = lines.slice(start.line, end.line + 1)
    // A long RUN is found by the line in it that says what was looked for; a mount of a script only names it.
    const said = own.findIndex((line) => about.test(line) && !mount.test(line))
    const at = said >= 0 ? said : own.findIndex((line) => about.test(line))
    if (at >= 0) return { line: start.line + at + 1, text: shortened(own[at] ?? "") }
  }
  return undefined
}

const shipped = readOnce((dockerfile: string) => ({
  lines: dockerfile.split("\n"),
  instructions: shippedStage(DockerfileParser.parse(dockerfile).getInstructions()),
}))

const mount = /^\s*(?:RUN\s+)?--mount=/i

const shortened = (line: string): string => {
  const text = line.trim().replace(/\s+/g, " ").replace(/ \\$/, "")
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}

/** The instructions of the last stage, after those of the stages that it stands on. */
function shippedStage(instructions: Instruction[]): Instruction[] {
  const stages: { name: string | null; from: string | null; instructions: Instruction[] }[] = []
  for (const instruction of instructions) {
    if (instruction.getKeyword() === "FROM") {
      const from = instruction as From
      stages.push({ name: from.getBuildStage(), from: from.getImage(), instructions: [] })
    }
    stages.at(-1)?.instructions.push(instruction)
  }
  const shipped: Instruction[] = []
  for (let at = stages.length - 1; at >= 0; ) {
    const stage = stages[at]!
    shipped.unshift(...stage.instructions)
    at = stages.slice(0, at).findLastIndex(({ name }) => name !== null && name === stage.from)
  }
  return shipped
}
