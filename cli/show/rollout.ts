import logUpdate from "log-update"
import { pc } from "../../dagger/lib/report/colours.ts"
import { isWell, RolloutLines } from "../../dagger/lib/report/rollout-lines.ts"
import type { RolloutEvent } from "../../dagger/lib/rollout/deploy/options.ts"

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
  private readonly lines: RolloutLines

  constructor(flags: Flags) {
    this.live = process.stderr.isTTY === true && !flags.verbose && !flags.json
    this.lines = new RolloutLines(flags.verbose ? "all" : this.live ? "failures" : "ended")
  }

  say = (text: string): void => {
    if (this.live) logUpdate.clear()
    process.stderr.write(`${text}\n`)
  }

  event = (event: RolloutEvent): void => {
    const text = this.lines.of(event)
    if (text !== undefined) this.say(text)
    if (this.live) this.draw()
  }

  done = (): void => {
    if (this.live) logUpdate.clear()
  }

  private draw(): void {
    const lines = [...this.lines.at].map(([host, subjects]) => {
      const busy = [...subjects].filter(([, event]) => !isWell(event)).map(([name, event]) => `${name} ${event}`)
      const well = [...subjects.values()].filter(isWell).length
      return `  ${host.padEnd(8)} ${well > 0 ? `● ${well}` : ""} ${pc.dim(busy.slice(0, 4).join("  "))}`
    })
    logUpdate(lines.join("\n"))
  }
}
