import type { Failure, RolloutReport } from "../rollout/deploy/report.ts"
import { pc } from "./colours.ts"
import { duration, line } from "./text.ts"

/** How a rollout ended, for people: what failed with its last words, what went back, what comes next. */
export function rolloutText(report: RolloutReport): string {
  const { hosts, failures, notes } = report
  const unreachable = hosts.flatMap(({ host, unreachable }) => (unreachable ? [{ host, unreachable }] : []))
  return [
    ...failures.flatMap(failureLines),
    ...unreachable.map(({ host, unreachable }) =>
      line("lost", `${host}: ${unreachable}; it ends by itself what it began there, nobody hears with what`),
    ),
    ...notes.map((note) => line("note", note)),
    line(endWord(report), ending(report)),
    ...next(report).map((text) => line("next", text)),
  ].join("\n")
}

function failureLines({ host, service, reason, lines, kept }: Failure): string[] {
  return [
    line("failed", `${pc.red("✗")} ${service ?? "the host's runner"} on ${host}: ${reason}`),
    ...lines.map((text, index) => line(index === 0 ? "said" : "", `…${text}`)),
    ...(kept ? [line("kept", `${host}:${kept}, stopped: docker logs ${kept}`)] : []),
  ]
}

const endWord = ({ exitCode }: RolloutReport): string => (exitCode === 0 ? "deployed" : "ended")

function ending({ hosts, exitCode, policy, seconds }: RolloutReport): string {
  const all = hosts.flatMap(({ services }) => services)
  const count = (state: string) => all.filter((each) => each.state === state).length
  const changed = all.length - count("unchanged")
  const took = `in ${duration(seconds)}`
  if (changed === 0) return `nothing to do: ${all.length} services run what they should, ${took}`
  if (exitCode === 0)
    return `${changed} of ${all.length} services changed and healthy, ${all.length - changed} untouched, ${took}`
  const back = count("rolledBack")
  const ended = endedText({
    ...{ back, removed: count("removed"), stays: count("healthy") },
    open: count("planned") + count("pulled"),
  })
  if (exitCode === 4) return pc.yellow(`failed (${policy} policy): ${ended}, ${took}`)
  if (exitCode === 5) {
    const lost = hosts.filter(({ unreachable }) => unreachable).map(({ host }) => host)
    const rest = [
      ...(back > 0 ? [`${services(back)} taken back and healthy`] : []),
      ...(count("failed") > 0 ? [`${count("failed")} not well`] : []),
      ...(lost.length > 0 ? [`nobody knows of those on ${lost.join(", ")}`] : []),
    ]
    const what = lost.length > 0 ? "could not be finished" : "failed as well"
    return pc.red(`failed, and going back ${what}: ${[...rest, took].join(", ")}`)
  }
  return pc.red(`not finished, ${took}`)
}

/** What became of the services that a failed rollout had touched. */
function endedText({ back, removed, stays, open }: Record<"back" | "removed" | "stays" | "open", number>): string {
  const told = [
    ...(back > 0 ? [`${services(back)} taken back and healthy`] : []),
    ...(removed > 0 ? [`${services(removed)} removed again, with nothing to go back to`] : []),
    ...(stays > 0 ? [`${services(stays)} new and healthy`] : []),
    ...(open > 0 ? [`${services(open)} not begun`] : []),
  ]
  return told.length > 0 ? told.join("; ") : "no service was touched"
}

const services = (count: number): string => (count === 1 ? "1 service is" : `${count} services are`)

function next({ exitCode, hosts }: RolloutReport): string[] {
  const lost = hosts.filter(({ unreachable }) => unreachable).map(({ host }) => host)
  if (lost.length > 0)
    return [
      `bring ${lost.join(", ")} back, see \`fairlead preflight\`; then the next fairlead deploy finishes it, ` +
        "or fairlead rollback takes back what is left there",
    ]
  if (exitCode === 0) {
    // What was not there before, and what was left as it was, has nothing to go back to.
    const replaced = hosts.some(({ services }) => services.some(({ from, state }) => from && state === "healthy"))
    return [`fairlead status${replaced ? " · fairlead rollback takes this back" : ""}`]
  }
  if (exitCode === 4) return ["fairlead status · look into what was kept, ship, and deploy again"]
  return ["fairlead status shows what runs; the next fairlead deploy or rollback makes good what was left"]
}
