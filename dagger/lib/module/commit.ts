import { type Engine, StepError } from "../engine/engine.ts"
import { type Commit, historyArguments, parseHistory, parseStatus, statusArguments } from "../plan/tag.ts"
import { risksFileName } from "../risks/risk.ts"
import { quotedLine } from "../rollout/quote.ts"
import type { DaggerYard } from "./yard.ts"

const noCommit = 3
const between = "\u0002"

// Three questions in one step: a step takes seconds where an engine is busy. Paths come in as "$@".
const script = `\
git() { command git -c 'safe.directory=*' -C /src "$@"; }
git rev-parse --verify HEAD || exit ${noCommit}
printf '\\002'
git ${quotedLine([...statusArguments, "--", "fleet.yaml", risksFileName])} "$@" || exit 1
printf '\\002'
git ${quotedLine(historyArguments([]))} "$@" || exit 1
`

/**
 * What git says of the source, asked in a step: the module's own container has no git. Only what the call brought along is
 * compared: the rest of the repository is not here, and would look deleted.
 */
export const commitIn =
  ({ engine, checkout }: Pick<DaggerYard, "checkout"> & { engine: Engine }) =>
  async (_root: string, paths: readonly string[]): Promise<Commit> => {
    const name = "ask git for the commit"
    const ran = await engine.run({
      name,
      image: "toolbox:build",
      argv: ["sh", "-c", script, "sh", ...paths],
      inputs: { "/src": checkout },
      env: { GIT_OPTIONAL_LOCKS: "0" },
    })
    if (ran.exitCode === noCommit) return { uncommitted: [...paths], history: [] }
    const [sha, status, history] = ran.stdout.split(between)
    if (ran.exitCode !== 0 || sha === undefined || status === undefined || history === undefined)
      throw new StepError(name, { exitCode: ran.exitCode, output: ran.stderr })
    return { sha: sha.trim(), uncommitted: parseStatus(status), history: parseHistory(history) }
  }
