import { type JournalLine, secondsOf } from "../host/journal.ts"
import type { HostUnreachable } from "../host/shell.ts"
import type { PlannedService, RolloutPlan } from "../plan/plan.ts"
import type { Failure, RolloutReport, ServiceState } from "./report.ts"

interface Progressed {
  state: ServiceState
  seconds?: number
}

/** What has come of each planned service so far, by what the hosts' journals say. */
export class Outcome {
  private readonly states = new Map<string, Progressed>()
  private readonly lost = new Map<string, HostUnreachable>()
  /** Containers of waves that were begun, heard of or not. */
  private readonly begun = new Set<string>()
  readonly failures: Failure[] = []
  readonly notes: string[] = []

  constructor(readonly plan: RolloutPlan) {
    for (const { host, svc, action } of this.services()) this.states.set(key(host, svc), { state: firstState[action] })
  }

  services = (): PlannedService[] => this.plan.hosts.flatMap(({ services }) => services)

  /** Takes in a line of a host's journal. */
  heard(host: string, line: JournalLine): void {
    const { event, subject, detail } = line
    if (event === "pulled") {
      for (const each of this.services())
        if (each.host === host && each.to.image === subject && each.action !== "unchanged")
          this.set(host, each.svc, "pulled")
      return
    }
    if (event === "kept") {
      const service = this.nameOf(host, subject)
      const failure = this.failures.findLast((each) => each.host === host && each.service === service)
      if (failure) failure.kept = detail
      return
    }
    const state = stateOf[event]
    if (state === undefined || !this.states.has(key(host, subject))) return
    this.set(host, subject, state, secondsOf(line))
    if (event === "failed") this.failures.push({ host, service: this.nameOf(host, subject), reason: detail, lines: [] })
    if (event === "revert-failed")
      this.failures.push({
        host,
        service: this.nameOf(host, subject),
        reason: `going back failed: ${detail}`,
        lines: [],
      })
  }

  isLost = (host: string): boolean => this.lost.has(host)
  whyLost = (host: string): HostUnreachable | undefined => this.lost.get(host)
  loses = (host: string, why: HostUnreachable): void => void this.lost.set(host, why)
  finds = (host: string): void => void this.lost.delete(host)

  /** A wave is begun on a host: from here on it may switch its services without anybody hearing of it. */
  begins(host: string, wave: string): void {
    for (const each of this.services())
      if (each.host === host && each.wave === wave) this.begun.add(key(host, each.svc))
  }

  /** Services of a host whose container was touched, or may have been, and has not gone back: by their snake names. */
  touched = (host: string): { svc: string; state: ServiceState }[] =>
    this.services()
      .filter((each) => each.host === host && each.action !== "unchanged")
      .map(({ svc }) => ({ svc, state: this.states.get(key(host, svc))!.state }))
      .filter(({ state }) => state !== "rolledBack" && state !== "removed")
      .filter(({ svc, state }) => touching.has(state) || this.begun.has(key(host, svc)))

  stateOf = (host: string, svc: string): ServiceState | undefined => this.states.get(key(host, svc))?.state

  hosts(): RolloutReport["hosts"] {
    return this.plan.hosts.map(({ host, services }) => {
      const unreachable = this.lost.get(host)?.what
      return {
        host,
        ...(unreachable === undefined ? {} : { unreachable }),
        services: services.map(({ service, svc, from, to }) => ({
          service,
          ...(from?.digest ? { from: from.digest } : {}),
          to: to.digest,
          ...this.states.get(key(host, svc))!,
        })),
      }
    })
  }

  private nameOf = (host: string, svc: string): string =>
    this.services().find((each) => each.host === host && each.svc === svc)?.service ?? svc

  private set(host: string, svc: string, state: ServiceState, seconds?: number): void {
    this.states.set(key(host, svc), { state, ...(seconds === undefined ? {} : { seconds }) })
  }
}

const key = (host: string, svc: string): string => `${host}/${svc}`

/** What is only to be finished was seen to be healthy when what a run before had left was made good. */
const firstState: Record<PlannedService["action"], ServiceState> = {
  create: "planned",
  replace: "planned",
  start: "planned",
  finish: "healthy",
  unchanged: "unchanged",
}

const touching: ReadonlySet<ServiceState> = new Set(["stopped", "started", "healthy", "failed"])

const stateOf: Partial<Record<JournalLine["event"], ServiceState>> = {
  switching: "stopped",
  started: "started",
  healthy: "healthy",
  failed: "failed",
  reverting: "failed",
  "revert-failed": "failed",
  reverted: "rolledBack",
  removed: "removed",
}
