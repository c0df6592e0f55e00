import type { ExitCode } from "../../problem.ts"
import { entryOf, type NewEntry } from "../history/entry.ts"
import { releaseOf } from "../plan/bundle.ts"
import type { RolloutPlan } from "../plan/plan.ts"
import { takeBack } from "./back.ts"
import type { RolloutOptions } from "./options.ts"
import { Outcome } from "./outcome.ts"
import { prepare } from "./prepare.ts"
import { redacted } from "./redact.ts"
import type { RolloutReport } from "./report.ts"
import { rollWaves, type Waved } from "./waves.ts"

/**
 * Carries a plan out. Until every image is checked and pulled and every new container made, on all hosts, nothing is
 * touched, and what fails is thrown. From the first switch on it always answers a report: what failed goes back by the
 * policy, and that is waited for until it is healthy.
 */
export async function rollOut(on: RolloutOptions, plan: RolloutPlan): Promise<RolloutReport> {
  const started = performance.now()
  const outcome = new Outcome(plan)
  const seconds = () => Math.round(performance.now() - started) / 1000
  if (changingHosts(plan).length === 0) return reportOf(on, outcome, { seconds: seconds(), exitCode: 0 })
  await record(on, plan, { phase: "began" })
  try {
    await prepare(on, plan, outcome)
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error)
    await record(on, plan, { phase: "ended", verdict: "ERROR", notes: [why] }).catch(() => {})
    throw error
  }
  const waved = await rollWaves(on, plan, outcome)
  const exitCode =
    waved.failed === undefined ? await committed(on, plan, outcome) : await failed(on, plan, outcome, waved)
  const report = reportOf(on, outcome, { seconds: seconds(), exitCode })
  const notes = [
    ...report.failures.map(({ service, host, reason }) => `${host}: ${service ?? "its runner"}: ${reason}`),
    ...report.hosts.flatMap(({ host, unreachable }) => (unreachable ? [`${host}: ${unreachable}`] : [])),
  ]
  const { verdict, rolledBack } = report
  await record(on, plan, { phase: "ended", verdict, rolledBack, notes }).catch(() => {
    report.notes.push("the end of this run could not be written into every host's history")
  })
  return report
}

async function failed(on: RolloutOptions, plan: RolloutPlan, outcome: Outcome, waved: Waved): Promise<ExitCode> {
  if (on.signal?.aborted) outcome.notes.push("it was interrupted")
  await lastWords(on, outcome)
  const good = await takeBack(on, plan, outcome, waved)
  // With the policies "service" and "wave" the rest stays, and is good from now on.
  // Not where going back failed: what is left there must not be called good.
  if (good && on.policy !== "fleet") await committed(on, plan, outcome)
  return good ? 4 : 5
}

/** What the containers that failed said last. */
async function lastWords({ runner, run }: RolloutOptions, outcome: Outcome): Promise<void> {
  await Promise.all(
    outcome.failures.map(async (failure) => {
      const svc = outcome.services().find((each) => each.service === failure.service && each.host === failure.host)?.svc
      if (svc === undefined) return
      const text = await runner.logs(failure.host, failure.kept ?? `${svc}-${run}`, 20).catch(() => "")
      failure.lines = redacted(text)
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-8)
    }),
  )
}

/** Calls what runs now good on every host; what a host cannot be told is told by the next run. */
async function committed(on: RolloutOptions, plan: RolloutPlan, outcome: Outcome): Promise<ExitCode> {
  const hosts = changingHosts(plan)
  on.onEvent?.({ kind: "began", what: "commit", hosts })
  const told = await Promise.allSettled(
    hosts.map((host) => on.runner.commit(on.holds.of(host), releaseOf(plan.hosts.find((each) => each.host === host)!))),
  )
  const missed = hosts.filter((_, index) => told[index]!.status === "rejected")
  for (const host of missed)
    outcome.notes.push(`${host} could not be told that what runs there is good now: the next run does so`)
  on.onEvent?.({ kind: "ended", what: "commit", good: missed.length === 0 })
  return missed.length === 0 ? 0 : 3
}

const changingHosts = ({ hosts }: RolloutPlan): string[] =>
  hosts.filter(({ services }) => services.some(({ action }) => action !== "unchanged")).map(({ host }) => host)

async function record(
  { runner, holds, run, owner }: RolloutOptions,
  plan: RolloutPlan,
  said: Pick<NewEntry, "phase" | "verdict" | "rolledBack" | "notes">,
): Promise<void> {
  // A host that its pin kept as it was has its part in the run as well: that it was held is what happened there.
  const hosts = plan.hosts.filter(({ host, chosen }) => chosen.pin || changingHosts(plan).includes(host))
  await Promise.all(
    hosts.map((planned) => {
      const { host, services } = planned
      const changed = services
        .filter(({ action }) => action !== "unchanged")
        .map(({ service, from, to }) => ({ service, ...(from ? { from: from.image } : {}), to: to.image }))
      const entry: NewEntry = {
        ...{
          schema: 1,
          run,
          verb: plan.verb,
          by: owner,
          at: new Date().toISOString(),
          tag: releaseOf(planned),
          changed,
        },
        ...said,
      }
      return runner.record(holds.of(host), entryOf(entry))
    }),
  )
}

function reportOf(
  { run, policy }: RolloutOptions,
  outcome: Outcome,
  { seconds, exitCode }: { seconds: number; exitCode: ExitCode },
): RolloutReport {
  return {
    schema: 1,
    verdict: exitCode === 0 ? "PASS" : exitCode === 4 ? "FAIL" : "ERROR",
    run,
    plan: outcome.plan.id,
    yard: outcome.plan.yard,
    hosts: outcome.hosts(),
    failures: outcome.failures,
    rolledBack: exitCode === 4,
    policy,
    notes: outcome.notes,
    exitCode: exitCode as RolloutReport["exitCode"],
    seconds,
  }
}
