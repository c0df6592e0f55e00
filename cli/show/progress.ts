import logUpdate from "log-update"
import { startLine } from "../../dagger/lib/build/buildkit.ts"
import { progressLines } from "../../dagger/lib/build/progress.ts"
import type { ShipEvent } from "../../dagger/lib/release/shipping.ts"
import { pc } from "../../dagger/lib/report/colours.ts"
import { duration } from "../../dagger/lib/report/text.ts"

interface Flags {
  json?: boolean
  verbose?: boolean
}

/**
 * What is going on, on stderr: on a terminal a line per family that changes in place, in a pipe one plain line per thing
 * that ended. Results go to stdout and are not this file's.
 */
export class Progress {
  private readonly live: boolean
  private readonly running = new Map<string, Map<string, Running>>()
  private readonly bakes = new Map<string, (line: string) => string[]>()
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly flags: Flags) {
    this.live = process.stderr.isTTY === true && !flags.verbose && !flags.json
  }

  /** A line that stays. */
  say = (text: string): void => {
    if (this.live) logUpdate.clear()
    process.stderr.write(`${text}\n`)
  }

  /** A line of a tool's own output; shown only with -v. bake speaks JSON, which is told in words. */
  tool = (step: string, text: string): void => {
    if (!this.flags.verbose || startLine.test(text)) return
    const words = this.bakes.get(step) ?? (text.startsWith("{") ? progressLines() : (line: string) => [line])
    this.bakes.set(step, words)
    for (const line of words(text)) this.say(pc.dim(`${step} | ${line}`))
  }

  event(event: ShipEvent): void {
    const steps = this.running.get(event.family) ?? new Map<string, Running>()
    this.running.set(event.family, steps)
    if (event.state === "started") steps.set(event.step, { started: performance.now(), expected: event.expected })
    else {
      const started = steps.get(event.step)?.started
      steps.delete(event.step)
      if (!this.live) this.say(`  ${event.family} ${event.step} ${ended(event, started)}`)
    }
    if (this.live) this.draw()
  }

  done(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.running.clear()
    if (this.live) logUpdate.clear()
  }

  private draw = (): void => {
    this.timer ??= setInterval(this.draw, 500).unref()
    const lines = [...this.running]
      .filter(([, steps]) => steps.size > 0)
      .map(([family, steps]) => {
        const shown = [...steps].map(([step, each]) => `${step} ${elapsed(each)}`)
        return `  ${family.padEnd(20)} ${pc.dim(shown.join("  "))}`
      })
    logUpdate(lines.join("\n"))
  }
}

interface Running {
  started: number
  /** Seconds that it took the last time. */
  expected?: number
}

/** "12 s of ~41 s": what it took before is no promise, and is left out once it is over. */
function elapsed({ started, expected = 0 }: Running): string {
  const seconds = (performance.now() - started) / 1000
  return duration(seconds) + (expected > seconds ? ` of ~${duration(expected)}` : "")
}

function ended({ verdict, brief }: ShipEvent, started: number | undefined): string {
  const took = started === undefined ? "" : `(${duration((performance.now() - started) / 1000)})`
  return [verdict, brief, took].filter(Boolean).join(" ") || "done"
}
