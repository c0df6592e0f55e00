import { Problem } from "../../problem.ts"
import { digestIn } from "../../release/reference.ts"
import { type HostShell, HostUnreachable } from "../host/shell.ts"
import { audio } from "./audio.ts"
import type { Checked, HostCheck, Wanted } from "./check.ts"
import { clock } from "./clock.ts"
import { disk } from "./disk.ts"
import { compose, docker } from "./docker.ts"
import { type HostFacts, lookAtHost } from "./facts.ts"
import { cuda, driver } from "./gpu.ts"
import { logins } from "./logins.ts"
import { mirror } from "./mirror.ts"
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
  logins,
  registry,
  mirror,
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

/** Whether a registry has an image, by its reference; undefined where it could not be asked. */
export type Pullable = (ref: string) => Promise<boolean | undefined>

/** Lets a host reach the registry on this machine's loopback until it is closed; a Problem where that cannot be. */
export type OpenWay = (host: string) => Promise<{ close(): Promise<void> }>

/** What is asked besides the hosts themselves. Default: nobody is. */
export interface Beside {
  pullable?: Pullable
  way?: OpenWay
}

/** Asks all hosts, side by side. A host that cannot be asked is an answer, too. */
export const preflight = (shell: HostShell, all: readonly Wanted[], beside: Beside = {}): Promise<HostReport[]> =>
  Promise.all(all.map((wanted) => preflightHost(shell, wanted, beside)))

async function preflightHost(
  shell: HostShell,
  wanted: Wanted,
  { pullable = async () => undefined, way }: Beside,
): Promise<HostReport> {
  const host = wanted.host.name
  try {
    const registry = wanted.registry.loopback ? "" : wanted.registry.host
    const gpu = wanted.services.some(({ gpus }) => gpus > 0)
    const mirror = wanted.registry.loopback ? undefined : wanted.host.mirror
    const facts = await lookAtHost(shell, host, { fleet: wanted.fleet, registry, gpu, mirror })
    const tried = way && wanted.registry.answers ? { way: await tryWay(way, host) } : {}
    return { host, checks: judgeHost({ ...(await withPullable(facts, pullable)), ...tried }, wanted) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const reason = error instanceof HostUnreachable ? error.reason : "unreadable"
    return { host, problem: { reason, message: error.message }, checks: [] }
  }
}

async function tryWay(way: OpenWay, host: string): Promise<NonNullable<HostFacts["way"]>> {
  try {
    await (await way(host)).close()
    return { open: true }
  } catch (error) {
    if (error instanceof Problem) return { open: false, why: error.details.why ?? error.what, fix: error.details.fix }
    throw error
  }
}

/** Only what is not on the host any more is asked for. */
async function withPullable(facts: HostFacts, pullable: Pullable): Promise<HostFacts> {
  if ("error" in facts.docker) return facts
  const { back, deployed } = facts.docker
  const gone = [...back, ...deployed].filter(({ present, ref }) => !present && digestIn(ref) !== undefined)
  const refs = [...new Set(gone.map(({ ref }) => ref))]
  const known = new Map(await Promise.all(refs.map(async (ref) => [ref, await pullable(ref)] as const)))
  const told = <T extends { ref: string }>(each: T): T => {
    const has = known.get(each.ref)
    return has === undefined ? each : { ...each, pullable: has }
  }
  return { ...facts, docker: { ...facts.docker, back: back.map(told), deployed: deployed.map(told) } }
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
