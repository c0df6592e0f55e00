import type { Fleet } from "../fleet/fleet.ts"
import type { CiName } from "./names.ts"

/** The file that `deploy --plan` leaves for whoever approves it, and that `deploy --apply` carries out. */
export const planFile = "fairlead-plan.json"

/** What a job leaves behind. */
export const reports = { sarif: "dist/fairlead.sarif", junit: "dist/fairlead.xml", sboms: "dist/sboms" } as const

const leaves = `--sarif ${reports.sarif} --junit ${reports.junit}`

/**
 * All that a CI is told to run. Each is one line that a laptop runs as well: what a job does is decided in Fairlead and
 * not in a CI's file.
 */
export const lines = {
  composeIsRendered: "./fairlead compose --check",
  filesAreRendered: (ci: CiName) => `./fairlead ci --for ${ci} --check`,
  jobs: (ci: CiName) => `./fairlead ci --for ${ci} --jobs`,
  jobsOfProposal: (ci: CiName) => `./fairlead ci --for ${ci} --jobs --dry-run`,
  plan: "./fairlead plan --all",
  ship: (family: string) => `./fairlead ship --family ${family} ${leaves}`,
  tryOut: (family: string) => `./fairlead ship --family ${family} --dry-run ${leaves}`,
  rescan: `./fairlead rescan ${leaves} --sboms ${reports.sboms}`,
  prune: ({ registry }: Fleet) => `./fairlead prune --yard fleet${removes(registry.host) ? "" : " --hosts-only"}`,
  deployPlan: (tag: string) => `./fairlead deploy --yard fleet --tag ${tag} --plan --out ${planFile}`,
  deployApply: `./fairlead deploy --yard fleet --apply ${planFile}`,
}

/** Whether the jobs of a CI that has OIDC sign as themselves. */
export const signsKeyless = ({ policy }: Fleet): boolean => policy.signing?.identities !== undefined

/** What such a job is told. */
export const keyless = { FAIRLEAD_SIGNING: "keyless" } as const

/** Hands a password to Docker by a pipe, never as an argument. Where there is none, nobody is logged in. */
export const loginLine = (host: string, user: string, password: string): string =>
  `test -z "$${password}" || printf '%s' "$${password}" | docker login ${host} --username "$${user}" --password-stdin`

/** Whether a registry removes an image when it is asked to by the registry API. */
export const removes = (host: string): boolean => !["ghcr.io", "docker.io"].includes(host)

/** When what is looked at again, and when what nothing needs goes: UTC, and not on the hour, when everybody starts. */
export const schedule = { rescan: "17 3 * * *", prune: "43 4 * * 0" } as const
