import type { Command } from "commander"
import { parse } from "yaml"
import { program } from "../../../cli/program.ts"

/** Every line by which a CI's file runs Fairlead, as the shell would give it to the launcher. */
export function fairleadLines(path: string, text: string): string[] {
  const texts = path.endsWith(".yml")
    ? stringsIn(parse(text))
    : [...text.matchAll(/'(\.\/fairlead [^']*)'/g)].map(([, line]) => line!)
  return texts
    .flatMap((each) => each.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line.includes("./fairlead"))
}

function stringsIn(part: unknown): string[] {
  if (typeof part === "string") return [part]
  return typeof part === "object" && part !== null ? Object.values(part).flatMap(stringsIn) : []
}

// What a shell puts in place of the variables in these lines.
const variables: Record<string, string> = { FAMILY: "family-web", TAG: "current", FAIRLEAD_TAG: "current" }

/** Throws where the command line does not know the verb, a flag of it, or what a flag is given; runs nothing. */
export async function parsed(line: string): Promise<void> {
  const [, asked] = /^\.\/fairlead (.*?)(?: >>? (?:"\$GITHUB_OUTPUT"|[\w.-]+))?$/.exec(line) ?? []
  if (asked === undefined) throw new Error(`more than one line of Fairlead: ${line}`)
  const argv = asked.split(" ").map((word) => word.replace(/^"\$(\w+)"$/, (_, name) => variables[name] ?? `$${name}`))
  const odd = argv.find((word) => !/^[\w./-]+$/.test(word))
  if (odd !== undefined) throw new Error(`${odd} is the shell's to read`)
  const all = program()
  for (const each of commandsOf(all))
    each
      .action(() => {})
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
  await all.parseAsync(argv, { from: "user" })
}

const commandsOf = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap((each) => commandsOf(each as Command)),
]
