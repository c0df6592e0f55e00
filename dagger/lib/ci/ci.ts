import type { Fleet } from "../fleet/fleet.ts"
import { forgejo, github } from "./actions.ts"
import { gitlabFamilies, gitlabFiles } from "./gitlab.ts"
import { jenkinsFiles } from "./jenkins.ts"
import type { CiName } from "./names.ts"
import { leavesOf, stagesOf } from "./stages.ts"
import { workflowFiles } from "./workflows.ts"

/** What a CI reads of a repository, by path from its root. */
export function ciFiles(fleet: Fleet, ci: CiName): Record<string, string> {
  switch (ci) {
    case "github":
      return workflowFiles(fleet, github)
    case "forgejo":
      return workflowFiles(fleet, forgejo)
    case "gitlab":
      return gitlabFiles(fleet)
    case "jenkins":
      return jenkinsFiles(fleet)
  }
}

/** The images that jobs are made for. */
export interface Wanted {
  /** What has to be built. */
  build: readonly string[]
  /** Nothing is published, so no image can wait for another: those that none stands on build the others as well. */
  dryRun?: boolean
}

/**
 * The jobs of one commit, as a CI takes them: outputs of a step for GitHub and Forgejo, a pipeline for GitLab, a line of
 * names for each stage for Jenkins.
 */
export function jobsText(fleet: Fleet, ci: CiName, { build, dryRun = false }: Wanted): string {
  const images = dryRun ? leavesOf(fleet, build) : build
  if (ci === "gitlab") return gitlabFamilies(fleet, images, dryRun)
  const stages = dryRun ? [[...images]] : stagesOf(fleet, images)
  if (ci === "jenkins") return stages.map((names) => `${names.join(" ")}\n`).join("")
  return stages.map((names, index) => `stage${index + 1}=${JSON.stringify(names)}\n`).join("")
}
