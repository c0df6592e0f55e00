import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { type Commit, isDirty } from "../../dagger/lib/plan/tag.ts"
import { clock, movedNote } from "../clock.ts"
import { dockerServer } from "../setup/docker.ts"
import type { EngineChoice } from "../setup/engine.ts"
import { version } from "../version.ts"

/** "fairlead 0.1.0 · my-fleet · commit abc1234 · Docker 26.1". */
export async function headline({ fleet }: Repository, commit: Commit, choice: EngineChoice): Promise<string> {
  const server = choice.name === "docker" ? await dockerServer() : undefined
  const docker = server ? `Docker ${server.version}` : "Docker not there yet"
  const engine = choice.name === "docker" ? `${docker} (${choice.why})` : choice.why
  const changes = isDirty(commit) ? " (with uncommitted changes)" : ""
  const named = commit.sha ? `commit ${commit.sha.slice(0, 7)}${changes}` : "no commit"
  const moved = movedNote(clock())
  return [`fairlead ${version}`, fleet.name, named, engine, ...(moved ? [moved] : [])].join(" · ")
}
