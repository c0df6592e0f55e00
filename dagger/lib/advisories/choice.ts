import { advisoryFolderSchema } from "../fleet/advisories.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { wrongInput } from "../problem.ts"

/** Where this run looks advisories up, and who said so. */
export type AdvisoriesChoice =
  | { source: "none"; by: string }
  /** Relative to the repository, or absolute. */
  | { source: "folder"; path: string; by: string }
  | OnlineChoice

/**
 * `by` is there where a person wrote the source down. It then has to answer: what was asked for and cannot be had is an
 * ERROR, while a default that nobody reaches is a site without a source.
 */
export interface OnlineChoice {
  source: "online"
  database: { refs: readonly [string, ...string[]]; by?: string }
  python: { service: "pypi" | "osv"; url: string; by?: string }
}

/** What the command line and the environment say. */
export interface SaidAdvisories {
  flag?: string
  env?: string
}

// In the order in which Trivy itself asks: Google's copy has no rate limit to speak of.
const trivyDatabases = ["mirror.gcr.io/aquasec/trivy-db:2", "ghcr.io/aquasecurity/trivy-db:2"] as const
const pypi = "https://pypi.org/pypi"
const osv = "https://api.osv.dev/v1/query"

/** --advisories, then FAIRLEAD_ADVISORIES, then policy.advisories of fleet.yaml, then online. */
export function chooseAdvisories({ policy }: Fleet, { flag, env }: SaidAdvisories = {}): AdvisoriesChoice {
  const { source, database, python } = policy.advisories
  const said = flag !== undefined ? { text: flag, by: "--advisories" } : { text: env, by: "FAIRLEAD_ADVISORIES" }
  if (said.text) {
    if (said.text === "none") return { source: "none", by: said.by }
    if (said.text !== "online") return { source: "folder", path: folderOf(said.text, said.by), by: said.by }
  }
  const byFleet = "fleet.yaml: policy.advisories"
  if (!said.text && source === "none") return { source: "none", by: `${byFleet}.source` }
  if (!said.text && typeof source === "object") {
    return { source: "folder", path: source.folder, by: `${byFleet}.source.folder` }
  }
  const by = said.text ? said.by : source && `${byFleet}.source`
  return {
    source: "online",
    database: database ? { refs: [database], by: `${byFleet}.database` } : { refs: trivyDatabases, by },
    python: { ...serviceOf(python), by: python ? `${byFleet}.python` : by },
  }
}

function folderOf(text: string, where: string): string {
  const { data, error } = advisoryFolderSchema.safeParse(text)
  if (data !== undefined) return data
  throw wrongInput(error?.issues[0]?.message ?? "is no path", { where, fix: 'write "online", "none" or a folder' })
}

/** pip-audit posts to the very URL: the path of OSV's interface is added where only the service is named. */
function serviceOf(python = "pypi"): { service: "pypi" | "osv"; url: string } {
  if (python === "pypi") return { service: "pypi", url: pypi }
  if (python === "osv") return { service: "osv", url: osv }
  const base = python.replace(/\/+$/, "")
  return { service: "osv", url: base.endsWith("/v1/query") ? base : `${base}/v1/query` }
}
