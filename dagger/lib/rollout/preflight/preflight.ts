import { Problem } from "../../problem.ts"
import { type HostShell, HostUnreachable } from "../host/shell.ts"
import { audio } from "./audio.ts"
import type { Checked, HostCheck, Wanted } from "./check.ts"
import { clock } from "./clock.ts"
import { disk } from "./disk.ts"
import { compose, docker } from "./docker.ts"
import { type HostFacts, lookAtHost } from "./facts.ts"
import { cuda, driver } from "./gpu.ts"
import { ports } from "./ports.ts"
import { registry } from "./registry.ts"
import { rollback } from "./rollback.ts"

/** Every question, in the order in which it is told. A new one is a file and a row. */
export const hostChecks: readonly HostCheck[] = [
  docker,
  compose,
  driver,
  cuda,
  disk,
  clock,
  registry,
  audio,
  ports,
  rollback,
]

/** How a host stands. */
export interface HostReport {
  host: string
  /** Why it could not be asked; then there are no checks. */
  problem?: { reason: string; message: string }
  checks: Checked[]
}

/** Asks all hosts, side by side. A host that cannot be asked is an answer, too. */
export const preflight = (shell: HostShell, all: readonly Wanted[]): Promise<HostReport[]> =>
  Promise.all(all.map((wanted) => preflightHost(shell, wanted)))

async function preflightHost(shell: HostShell, wanted: Wanted): Promise<HostReport> {
  const host = wanted.host.name
  try {
    const registry = wanted.registry.loopback ? "" : wanted.registry.host
    return { host, checks: judgeHost(await lookAtHost(shell, host, { fleet: wanted.fleet, registry }), wanted) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const reason = error instanceof HostUnreachable ? error.reason : "unreadable"
    return { host, problem: { reason, message: error.message }, checks: [] }
  }
}

/** What was seen against what is wanted. */
export const judgeHost = (facts: HostFacts, wanted: Wanted): Checked[] =>
  hostChecks.flatMap(({ name, judge }) => {
    const answer = judge(facts, wanted)
    return answer ? [{ check: name, ...answer }] : []
  })

/** 3 where a host could not be asked, 1 where a check failed, else 0. */
export function exitCodeOf(hosts: readonly HostReport[]): 0 | 1 | 3 {
  if (hosts.some(({ problem }) => problem)) return 3
  return hosts.some(({ checks }) => checks.some(({ state }) => state === "failed")) ? 1 : 0
}
