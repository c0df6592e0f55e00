import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { type Engine, harmless, type Step, StepError } from "../engine/engine.ts"
import type { Repository } from "../fleet/repository.ts"
import { Problem } from "../problem.ts"

/** Where a fleet tells which of hadolint's rules are wrong for it. */
export const lintConfig = "dockerfiles/.hadolint.yaml"

/** Every Dockerfile of a fleet: those that fleet.yaml names, and those that lie in dockerfiles/ for the day when it does. */
export async function dockerfilesOf({ root, fleet }: Repository): Promise<string[]> {
  const lying = await readdir(join(root, "dockerfiles")).catch((): string[] => [])
  return [
    ...new Set([
      ...Object.values(fleet.builders).map(({ dockerfile }) => dockerfile),
      ...Object.values(fleet.families).flatMap(({ dockerfile }) => (dockerfile ? [dockerfile] : [])),
      ...lying.filter((name) => name.endsWith(".Dockerfile")).map((name) => `dockerfiles/${name}`),
    ]),
  ].sort()
}

/** Asks hadolint about a fleet's Dockerfiles, by the fleet's own rules where it has some. Throws what it finds; exit code 1. */
export async function requireCleanDockerfiles(engine: Engine, repository: Repository): Promise<void> {
  const paths = await dockerfilesOf(repository)
  if (paths.length === 0) return
  const ownRules = existsSync(join(repository.root, lintConfig))
  const rules = ownRules ? ["--config", `/src/${lintConfig}`] : without
  // Nothing else of the source, so that an engine reuses the answer as long as these stay the same.
  const read = ownRules ? [lintConfig, ...paths] : paths
  const step: Step = {
    name: "lint Dockerfiles",
    image: "toolbox:lint",
    argv: ["hadolint", "--no-color", ...rules, ...paths.map((path) => `/src/${path}`)],
    inputs: Object.fromEntries(read.map((path) => [`/src/${path}`, engine.local(path)])),
  }
  const ran = await engine.run(step)
  const found = harmless(ran.stdout)
    .trimEnd()
    .replaceAll(/^\/src\//gm, "")
  if (ran.exitCode === 0 && found === "") return
  // hadolint ends with 1 for findings, and tells them on stdout; for anything else it tells why on stderr.
  if (found === "") throw new StepError(step.name, { exitCode: ran.exitCode, output: ran.stderr })
  throw new Problem(found, { fix: `mend it, or tell ${lintConfig} why it is right`, exitCode: 1 })
}

/** What never holds for a fleet's Dockerfiles: they stand on targets of one bake file, which have no tag. */
const without = ["--ignore", "DL3006", "--ignore", "DL3022", "--failure-threshold", "style"]
