/** The CIs that files are written for. */
export const ciNames = ["github", "gitlab", "forgejo", "jenkins"] as const

export type CiName = (typeof ciNames)[number]

/** Stands in every file that is rendered, so that a left-over one is known by it. */
export const madeBy = "Made by `fairlead ci"

/** What a person has to know who finds a file: who made it, and where to change what. */
export const headerLines = (ci: CiName, what: string): string[] => [
  what,
  `${madeBy} --for ${ci}\` from fleet.yaml: change that one, and run it again.`,
  `\`fairlead ci --for ${ci} --check\` compares them. docs/ci.md says which secrets, variables and environments this needs.`,
  "Every `./fairlead` line here runs on a laptop as well.",
]
