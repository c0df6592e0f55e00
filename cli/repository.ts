import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { loadFleet } from "../dagger/lib/fleet/load.ts"
import type { Repository } from "../dagger/lib/fleet/repository.ts"
import { wrongInput } from "../dagger/lib/problem.ts"

/** The fleet at `source`, or at the nearest folder above the current one that holds a fleet.yaml. */
export async function openRepository(source?: string): Promise<Repository> {
  const root = source ? resolve(source) : findUp(process.cwd())
  return { root, fleet: await loadFleet(root) }
}

function findUp(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "fleet.yaml"))) return folder
    if (folder === dirname(folder)) {
      throw wrongInput("no fleet.yaml here or in a folder above", {
        where: from,
        fix: "go to the fleet's repository, pass --source, or start a fleet with `fairlead init`",
      })
    }
  }
}
