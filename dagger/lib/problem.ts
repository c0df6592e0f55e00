/** What a process answers with: see "Verdicts and exit codes" in docs/how-it-works.md. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5

/** The parts of an error that a person needs besides the sentence itself. */
export interface ProblemDetails {
  /** File and path in it, host, image or step. */
  where?: string
  /** The cause, as far as it is known. */
  why?: string
  /** What to do next. */
  fix?: string
  exitCode?: ExitCode
}

/**
 * An error made for people: what, where, why, and what to do next. Its message is the whole text, since the message is
 * all that crosses the boundary of a Dagger module.
 */
export class Problem extends Error {
  readonly exitCode: ExitCode

  constructor(
    readonly what: string,
    readonly details: ProblemDetails = {},
  ) {
    const { where, why, fix } = details
    const head = [where, what].filter(Boolean).join(": ")
    super([why ? `${head}: ${why}` : head, fix && `  fix: ${fix}`].filter(Boolean).join("\n"))
    this.name = "Problem"
    this.exitCode = details.exitCode ?? 3
  }
}

/** Wrong usage or a wrong fleet.yaml: exit code 2. */
export const wrongInput = (what: string, details: Omit<ProblemDetails, "exitCode"> = {}): Problem =>
  new Problem(what, { ...details, exitCode: 2 })

/** Several findings about one input, told at once: nobody wants to fix a file one error at a time. */
export class Problems extends Problem {
  constructor(
    readonly problems: readonly Problem[],
    exitCode: ExitCode = 2,
  ) {
    super(problems.map((each) => each.message).join("\n"), { exitCode })
    this.name = "Problems"
  }
}
