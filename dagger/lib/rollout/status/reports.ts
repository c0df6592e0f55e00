import { isIP } from "node:net"
import { z } from "zod"
import type { Fleet } from "../../fleet/fleet.ts"
import { lineSchema } from "../../fleet/names.ts"
import { observerFor } from "../observability.ts"

const text = lineSchema.max(512).nullable()

/** One line of what a receiver answers to GET /: what a service said of itself when it started. */
export const startReportSchema = z.object({
  time: lineSchema.max(40),
  /** The fleet's host that it came from; null where the address is nobody's. */
  host: text,
  service: text,
  image: text,
  git_sha: text,
  sbom: z.object({ packages: z.int().nonnegative() }).nullable(),
})

export type StartReport = z.infer<typeof startReportSchema>

/** Whether a receiver was asked, and what it has. */
export type Asked = { url: string; reports: readonly StartReport[] } | { url?: string; why: string }

const mostReports = 20_000

/** The newest last. Undefined for an answer that is no list of reports. */
export function readReports(body: string): StartReport[] | undefined {
  const lines = body.split("\n").filter(Boolean)
  if (lines.length > mostReports) return undefined
  const read = lines.map((line) => startReportSchema.safeParse(json(line)).data)
  return read.every((each) => each !== undefined) ? read : undefined
}

function json(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Where a real yard's receiver would answer, seen from whoever deploys; undefined where nobody here knows its address. */
export function receiverUrl(fleet: Fleet): string | undefined {
  const url = new URL(fleet.policy.image.ingestUrl)
  const [host] = Object.keys(fleet.hosts)
  const observer = host === undefined ? undefined : observerFor(fleet, host)
  if (observer?.name !== undefined) {
    const { address } = fleet.hosts[observer.host]!
    url.hostname = isIP(address) === 6 ? `[${address}]` : address
  }
  return new URL("/", url).href
}

/** The last that a service on a host said of itself. A report without a host is taken where no other host has the service. */
export function lastReport(
  fleet: Fleet,
  reports: readonly StartReport[],
  { service, host }: { service: string; host: string },
): StartReport | undefined {
  const alone = fleet.services[service]?.hosts.length === 1
  return reports.findLast((each) => each.service === service && (each.host === host || (each.host === null && alone)))
}
