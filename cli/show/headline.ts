import type { Repository } from "../../dagger/lib/fleet/repository.ts"
import { type Commit, isDirty } from "../../dagger/lib/plan/tag.ts"
import { dockerServer } from "../setup/docker.ts"
import { version } from "../version.ts"

/** "fairlead 0.1.0 · my-fleet · commit abc1234 · Docker 26.1". */
export async function headline({ fleet }: Repository, commit: Commit): Promise<string> {
  const server = await dockerServer()
  const changes = isDirty(commit) ? " (with uncommitted changes)" : ""
  const named = commit.sha ? `commit ${commit.sha.slice(0, 7)}${changes}` : "no commit"
  return [
    `fairlead ${version}`,
    fleet.name,
    named,
    server ? `Docker ${server.version}` : "no container engine yet",
  ].join(" · ")
}
