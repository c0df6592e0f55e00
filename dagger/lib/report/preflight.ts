import { z } from "zod"
import { exitCodeOf, type HostReport } from "../rollout/preflight/preflight.ts"
import { pc } from "./colours.ts"
import { line, table } from "./text.ts"

/** What `preflight --json` prints. */
export const preflightSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  yard: z.string().describe('"fleet.yaml", or the name of the demo yard whose hosts were asked in its place.'),
  registry: z.string(),
  ready: z.boolean().describe("Every host was asked, and nothing failed."),
  hosts: z.array(
    z.object({
      host: z.string(),
      address: z.string(),
      problem: z
        .object({
          reason: z.enum(["key", "permission", "network", "lost", "slow", "unreadable"]),
          message: z.string(),
        })
        .optional()
        .describe("Why the host could not be asked. Then there are no checks."),
      checks: z.array(
        z.object({
          check: z.string(),
          state: z.enum(["ok", "failed", "unknown"]).describe("unknown: nobody could look; never to be read as ok."),
          evidence: z.string().describe("What was seen."),
          fix: z.string().optional(),
        }),
      ),
    }),
  ),
})

/** The document; `z.infer` of its schema. */
export type PreflightDocument = z.infer<typeof preflightSchema>

export interface Preflighted {
  yard: string
  registry: string
  hosts: readonly HostReport[]
  /** By host: "127.0.0.1:22001". */
  addresses: Readonly<Record<string, string>>
}

export const preflightDocument = ({ yard, registry, hosts, addresses }: Preflighted): PreflightDocument => ({
  schema: 1,
  yard,
  registry,
  ready: exitCodeOf(hosts) === 0,
  hosts: hosts.map(({ host, problem, checks }) => ({
    host,
    address: addresses[host] ?? "",
    ...(problem && { problem: { ...problem, reason: problem.reason as "lost" } }),
    checks,
  })),
})

/** The same for people: one line for each check, fixes right below what they mend, how it ended last. */
export function preflightText({ yard, registry, hosts }: PreflightDocument): string {
  const parts = hosts.map(({ host, address, problem, checks }) => {
    const head = line(host, address)
    if (problem) return `${head}\n${line("", `${pc.red("not asked")}: ${problem.message}`)}`
    const rows = checks.map(({ check, state, evidence }) => [`  ${check}`, stateWord[state], evidence])
    const fixes = checks.filter(({ fix, state }) => fix && state === "failed")
    return [head, table([], rows), ...fixes.map(({ check, fix }) => line("fix", `${check}: ${fix}`))].join("\n")
  })
  return [line("yard", `${yard}, registry ${registry}`), ...parts, line("preflight", ending(hosts))].join("\n\n")
}

const stateWord = { ok: "ok", failed: pc.red("FAILED"), unknown: pc.cyan("unknown") }

function ending(hosts: PreflightDocument["hosts"]): string {
  const silent = hosts.filter(({ problem }) => problem).map(({ host }) => host)
  const bad = hosts.flatMap(({ host, checks }) =>
    checks.filter(({ state }) => state === "failed").map(({ check }) => `${check} on ${host}`),
  )
  const open = hosts.flatMap(({ checks }) => checks.filter(({ state }) => state === "unknown")).length
  const told = [
    ...(silent.length > 0 ? [`could not ask ${silent.join(", ")}`] : []),
    ...(bad.length > 0 ? [`failed: ${bad.join(", ")}`] : []),
    ...(open > 0 ? [`${open} unknown`] : []),
  ]
  return silent.length + bad.length === 0 ? ["nothing failed", ...told].join(", ") : told.join("; ")
}
