import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { type Argv, isExecutable, onPath, run, toldBy } from "./command.ts"

export interface DaggerFound {
  /** The dagger command; undefined where there is none. */
  cli?: string
  /** The engine's version. */
  version?: string
  /** An engine answered. */
  answers: boolean
  /** One line: the version, or why there is no engine. */
  detail: string
}

export interface EngineChoice {
  name: "dagger" | "docker"
  /** "no Dagger engine found", "FAIRLEAD_ENGINE=docker", "Dagger v0.21.8". */
  why: string
}

/** Dagger where an engine runs, Docker everywhere else; FAIRLEAD_ENGINE decides where it is set. */
export async function chooseEngine(): Promise<EngineChoice> {
  const asked = process.env.FAIRLEAD_ENGINE
  if (asked === "docker") return { name: "docker", why: "FAIRLEAD_ENGINE=docker" }
  if (asked && asked !== "dagger") {
    throw wrongInput(`"${asked}" is no engine`, {
      where: "FAIRLEAD_ENGINE",
      fix: 'set it to "dagger" or "docker", or unset it',
    })
  }
  const found = await findDagger({ start: asked === "dagger" })
  if (found.answers) return { name: "dagger", why: `Dagger ${found.version}` }
  if (!asked) return { name: "docker", why: found.detail }
  throw new Problem("FAIRLEAD_ENGINE=dagger, and no Dagger engine answers", {
    why: found.detail,
    fix: "start one (`dagger core version` does), set _EXPERIMENTAL_DAGGER_RUNNER_HOST to one, or unset FAIRLEAD_ENGINE",
  })
}

/**
 * Looks for a Dagger engine that runs. The dagger command would pull and start one by itself, minutes long: that is done
 * only where `start` asks for it. Costs nothing where there is no dagger command.
 */
export async function findDagger({ start = false } = {}): Promise<DaggerFound> {
  const named = process.env._EXPERIMENTAL_DAGGER_CLI_BIN
  const cli = named && isExecutable(named) ? named : onPath("dagger")
  if (!cli) return { answers: false, detail: "no Dagger engine found" }
  if (!start && !(await engineRuns()))
    return { cli, answers: false, detail: `no Dagger engine runs (${cli} would start one)` }
  const argv: Argv = [cli, "core", "version"]
  const ended = await run(argv, {
    timeoutSeconds: start ? 600 : 10,
    env: { DAGGER_NO_NAG: "1", DO_NOT_TRACK: "1", NO_COLOR: "1" },
  })
  const version = /v\d+\.\d+\.\d+\S*/.exec(ended.stdout)?.[0]
  if (ended.exitCode === 0 && version) return { cli, version, answers: true, detail: `${version}, ${cli}` }
  return { cli, answers: false, detail: `the Dagger engine does not answer: ${toldBy(argv, ended)}` }
}

/** An engine that is named, a session that this process runs in, or a container of the name that dagger gives its engines. */
async function engineRuns(): Promise<boolean> {
  if (process.env._EXPERIMENTAL_DAGGER_RUNNER_HOST || process.env.DAGGER_SESSION_PORT) return true
  const { stdout } = await run(["docker", "ps", "--filter", "name=^/?dagger-engine", "--format", "{{.Names}}"], {
    timeoutSeconds: 3,
  })
  return stdout.trim() !== ""
}
