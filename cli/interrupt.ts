/** Ctrl-C and a terminal that goes away: work is cancelled, cleaned up after, and the process ends as a shell expects. */
export function onInterrupt(): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  const cancel = (name: NodeJS.Signals) => {
    process.exitCode = name === "SIGINT" ? 130 : 143
    process.stderr.write("\n  stopping: removing what this run started …\n")
    controller.abort(new Interrupted(name))
  }
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  for (const name of names) process.once(name, cancel)
  return { signal: controller.signal, stop: () => names.forEach((name) => void process.off(name, cancel)) }
}

export class Interrupted extends Error {
  override readonly name = "Interrupted"
}
