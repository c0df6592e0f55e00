import logUpdate from "log-update"
import { pc } from "../../dagger/lib/report/colours.ts"
import { duration, line } from "../../dagger/lib/report/text.ts"
import type { RolloutEvent, Stage } from "../../dagger/lib/rollout/deploy/options.ts"
import { secondsOf } from "../../dagger/lib/rollout/host/journal.ts"

interface Flags {
  json?: boolean
  verbose?: boolean
}

/**
 * A rollout as it goes, on stderr: on a terminal a line per host that changes in place below the waves that ended, in a
 * pipe a plain line for each service.
 */
export class RolloutProgress {
  private readonly live: boolean
  private readonly at = new Map<string, Map<string, string>>()
  private began = 0
  private count = 0

  constructor(private readonly flags: Flags) {
    this.live = process.stderr.isTTY === true && !flags.verbose && !flags.json
  }

  say = (text: string): void => {
    if (this.live) logUpdate.clear()
    process.stderr.write(`${text}\n`)
  }

  event = (event: RolloutEvent): void => {
    if (event.kind === "began") {
      this.began = performance.now()
      this.at.clear()
      for (const host of event.hosts) this.at.set(host, new Map())
      if (event.what === "wave") this.count++
    } else if (event.kind === "ended") {
      const seconds = (performance.now() - this.began) / 1000
      const name = event.what === "wave" ? `wave ${this.count}` : event.what
      this.say(
        line(
          name,
          `${event.good ? "ok" : pc.red("failed")} ${this.summary(event.what, event.wave)} ${pc.dim(duration(seconds))}`,
        ),
      )
    } else if (event.kind === "lost") {
      this.say(line("lost", `${event.host}: ${event.why}`))
    } else {
      this.lineOf(event)
    }
    if (this.live) this.draw()
  }

  done = (): void => {
    if (this.live) logUpdate.clear()
  }

  private lineOf({ host, line: { event, subject, detail, ...rest } }: Extract<RolloutEvent, { kind: "line" }>): void {
    const seconds = secondsOf({ event, subject, detail, ...rest })
    if (subject !== "-") this.at.get(host)?.set(subject, event)
    const ended = ["healthy", "failed", "reverted", "removed", "revert-failed", "pull-failed", "create-failed"]
    if (!this.flags.verbose && (this.live ? !/failed/.test(event) : !ended.includes(event))) return
    const took = seconds === undefined ? detail : duration(seconds)
    this.say(line("", `${host.padEnd(8)} ${subject} ${/failed/.test(event) ? pc.red(event) : event} ${took}`.trimEnd()))
  }

  private summary(what: Stage, wave?: string): string {
    const hosts = [...this.at].map(([host, subjects]) => {
      const well = [...subjects.values()].filter((event) => good.has(event)).length
      return subjects.size > 0 ? `${host} ${well}/${subjects.size}` : host
    })
    return [what === "wave" ? `${wave}:` : "", hosts.join("   ")].filter(Boolean).join(" ")
  }

  private draw(): void {
    const lines = [...this.at].map(([host, subjects]) => {
      const busy = [...subjects].filter(([, event]) => !good.has(event)).map(([name, event]) => `${name} ${event}`)
      const well = [...subjects.values()].filter((event) => good.has(event)).length
      return `  ${host.padEnd(8)} ${well > 0 ? `● ${well}` : ""} ${pc.dim(busy.slice(0, 4).join("  "))}`
    })
    logUpdate(lines.join("\n"))
  }
}

const good = new Set(["pulled", "created", "healthy", "reverted", "removed", "settled"])
