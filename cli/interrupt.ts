/**
 * Ctrl-C and a terminal that goes away: work is cancelled, cleaned up after, and the process ends as a shell expects. A
 * second Ctrl-C ends it at once.
 */
export function onInterrupt(): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  const cancel = (name: NodeJS.Signals) => {
    const exitCode = name === "SIGINT" ? 130 : 143
    if (controller.signal.aborted) process.exit(exitCode)
    process.exitCode = exitCode
    process.stderr.write("\n  stopping: removing what this run started …\n")
    controller.abort(new Interrupted(name))
  }
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  // Not `once`: execa's and log-update's exit hooks end the process when they find themselves the only listeners left.
  for (const name of names) process.on(name, cancel)
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of names) process.off(name, cancel)
    },
  }
}

export class Interrupted extends Error {
  override readonly name = "Interrupted"
}
