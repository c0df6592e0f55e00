import { Problem } from "../../problem.ts"
import type { JobEnd } from "../host/job.ts"
import { bundleFor, isSwitched } from "../plan/bundle.ts"
import type { RolloutPlan } from "../plan/plan.ts"
import { runJob } from "./jobs.ts"
import type { RolloutOptions } from "./options.ts"
import type { Outcome } from "./outcome.ts"

// A tunnel that is cut takes the pull with it; what was fetched by then is kept.
const tries = 3

/**
 * Everything that can go wrong without a service having been touched, on all hosts: signatures and records, pulls, and
 * the new containers, made and not started. Throws where anything of it fails, and leaves nothing behind.
 */
export async function prepare(on: RolloutOptions, plan: RolloutPlan, outcome: Outcome): Promise<void> {
  const switched = plan.hosts.filter(({ services }) => services.some(isSwitched)).map(({ host }) => host)
  const images = plan.hosts.flatMap(({ services }) => services.filter(isSwitched).map(({ to }) => to.image))
  await stage(on, "verify", switched, () => on.verify([...new Set(images)]))
  await Promise.all(switched.map((host) => on.runner.put(on.holds.of(host), bundleFor(plan, host))))
  const pulling = plan.hosts.filter(({ pull }) => pull.images.length > 0).map(({ host }) => host)
  try {
    await stage(on, "pull", pulling, () => all(pulling.map((host) => pulled(on, outcome, host))))
    await stage(on, "create", switched, () => all(switched.map((host) => created(on, outcome, host))))
    on.signal?.throwIfAborted()
  } catch (error) {
    // What cannot be removed now is removed by the next run; why it failed is what people have to hear.
    await Promise.allSettled(switched.map((host) => runJob(on, outcome, host, { job: "discard" })))
    throw error
  }
}

/** To the end on every host: one that still pulls takes no other job. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((each) => each.status === "rejected")
  if (failed) throw failed.reason
}

async function stage(
  { onEvent, signal }: RolloutOptions,
  what: "verify" | "pull" | "create",
  hosts: string[],
  work: () => Promise<unknown>,
): Promise<void> {
  if (hosts.length === 0) return
  signal?.throwIfAborted()
  onEvent?.({ kind: "began", what, hosts })
  await work().catch((error) => {
    onEvent?.({ kind: "ended", what, good: false })
    throw error
  })
  onEvent?.({ kind: "ended", what, good: true })
}

async function pulled(on: RolloutOptions, outcome: Outcome, host: string): Promise<void> {
  for (let left = tries; ; left--) {
    on.signal?.throwIfAborted()
    const way = await on.way(host)
    const close = () => void way.close()
    on.signal?.addEventListener("abort", close, { once: true })
    const end = await runJob(on, outcome, host, { job: "pull" }).finally(() => {
      on.signal?.removeEventListener("abort", close)
      return way.close()
    })
    if (end?.exitCode === 0) return
    if (end === undefined) throw lost(outcome, host, "while it pulled images")
    if (left <= 1) throw untouched(host, end, "pull-failed", "an image could not be pulled")
  }
}

async function created(on: RolloutOptions, outcome: Outcome, host: string): Promise<void> {
  const end = await runJob(on, outcome, host, { job: "create" })
  if (end === undefined) throw lost(outcome, host, "while it made the new containers")
  if (end.exitCode !== 0) throw untouched(host, end, "create-failed", "the new containers could not be made")
}

function lost(outcome: Outcome, host: string, when: string): Problem {
  const { what, details } = outcome.whyLost(host)!
  return new Problem(`it was lost ${when}; no service was touched, on any host`, {
    where: host,
    why: [what, details.why].filter(Boolean).join(": "),
    fix: `${details.fix ?? `see that ${host} can be reached`}; then run the same command again: what was fetched is kept`,
  })
}

function untouched(host: string, end: JobEnd, event: string, what: string): Problem {
  const said = end.lines.findLast((line) => line.event === event)
  const why = said && `${said.subject} ${said.detail}`.trim()
  return new Problem(`${what}; no service was touched, on any host`, {
    where: host,
    ...(why ? { why } : {}),
    fix: "mend that, and run the same command again: what was fetched is kept",
  })
}
