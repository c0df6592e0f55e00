import type { RolloutEvent, Stage } from "../rollout/deploy/options.ts"
import { secondsOf } from "../rollout/host/journal.ts"
import { pc } from "./colours.ts"
import { duration, line } from "./text.ts"

/** How much of a rollout is told: every line of the hosts, what ended, or failures only. */
export type Telling = "all" | "ended" | "failures"

/** A rollout as it goes, a line for each thing that ended. */
export class RolloutLines {
  /** By host and container: its last event. */
  readonly at = new Map<string, Map<string, string>>()
  private began = 0
  private count = 0

  constructor(private readonly telling: Telling) {}

  /** What there is to say of an event, if anything. */
  of(event: RolloutEvent): string | undefined {
    if (event.kind === "line") return this.ofLine(event)
    if (event.kind === "lost") return line("lost", `${event.host}: ${event.why}`)
    if (event.kind === "ended") {
      const seconds = (performance.now() - this.began) / 1000
      const name = event.what === "wave" ? `wave ${this.count}` : event.what
      const how = event.good ? "ok" : pc.red("failed")
      return line(name, `${how} ${this.summary(event.what, event.wave)} ${pc.dim(duration(seconds))}`)
    }
    this.began = performance.now()
    this.at.clear()
    for (const host of event.hosts) this.at.set(host, new Map())
    if (event.what === "wave") this.count++
    return undefined
  }

  private ofLine({ host, line: journal }: Extract<RolloutEvent, { kind: "line" }>): string | undefined {
    const { event, subject, detail } = journal
    const seconds = secondsOf(journal)
    if (subject !== "-") this.at.get(host)?.set(subject, event)
    if (this.telling === "failures" && !/failed/.test(event)) return undefined
    if (this.telling === "ended" && !ended.has(event)) return undefined
    const took = seconds === undefined ? detail : duration(seconds)
    const told = `${host.padEnd(8)} ${subject} ${/failed/.test(event) ? pc.red(event) : event} ${took}`
    return line("", told.trimEnd())
  }

  private summary(what: Stage, wave?: string): string {
    const hosts = [...this.at].map(([host, subjects]) => {
      const well = [...subjects.values()].filter(isWell).length
      return subjects.size > 0 ? `${host} ${well}/${subjects.size}` : host
    })
    return [what === "wave" ? `${wave}:` : "", hosts.join("   ")].filter(Boolean).join(" ")
  }
}

const ended = new Set([
  ...["healthy", "failed", "reverted", "removed", "revert-failed"],
  ...["pull-failed", "mirror-failed", "create-failed"],
])
const good = new Set(["pulled", "created", "healthy", "reverted", "removed", "settled"])

/** The last that was heard of a container is good. */
export const isWell = (event: string): boolean => good.has(event)
