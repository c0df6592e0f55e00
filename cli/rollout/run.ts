import { readFile, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import type { Policy } from "../../dagger/lib/fleet/policy.ts"
import { Problem, wrongInput } from "../../dagger/lib/problem.ts"
import { isLoopback } from "../../dagger/lib/release/registry.ts"
import { preflightDocument, preflightText } from "../../dagger/lib/report/preflight.ts"
import { rolloutText } from "../../dagger/lib/report/rollout.ts"
import { type RolloutPlanDocument, rolloutPlanDocument } from "../../dagger/lib/report/rollout-plan.ts"
import { rolloutPlanText } from "../../dagger/lib/report/rollout-plan-text.ts"
import { line } from "../../dagger/lib/report/text.ts"
import { type Asking, Holds } from "../../dagger/lib/rollout/deploy/holds.ts"
import type { RolloutReport } from "../../dagger/lib/rollout/deploy/report.ts"
import { rollOut } from "../../dagger/lib/rollout/deploy/rollout.ts"
import { settle, wantsSettling } from "../../dagger/lib/rollout/deploy/settle.ts"
import type { HostLook } from "../../dagger/lib/rollout/host/look.ts"
import { readPlan, requireFresh } from "../../dagger/lib/rollout/plan/fresh.ts"
import type { RolloutPlan } from "../../dagger/lib/rollout/plan/plan.ts"
import { exitCodeOf, preflight } from "../../dagger/lib/rollout/preflight/preflight.ts"
import { wantedOf } from "../../dagger/lib/rollout/preflight/wanted.ts"
import { pullableFrom } from "../hosts/pullable.ts"
import { newestRecords } from "../newest.ts"
import { carriesOut, isGone } from "./gone.ts"
import { verifierOf } from "./images.ts"
import { newRun, type OpenRollout, owner, type RolloutFlags } from "./open.ts"
import { recordRollout } from "./recorded.ts"

export interface ApplyFlags extends RolloutFlags {
  plan?: boolean
  out?: string
  apply?: string
  /** What --apply names. */
  before?: RolloutPlanDocument
  onFailure?: Policy["rollout"]["onFailure"]
  parallel?: number
}

/** The plan in a file. */
export async function planIn(path: string): Promise<RolloutPlanDocument> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw wrongInput("cannot be read", {
      where: `--apply ${path}`,
      why: error.code,
      fix: "name a file that deploy --plan --out wrote",
    })
  })
  return readPlan(text, path)
}

/** Makes the plan of a verb from what the hosts say. */
export type Planner = (looks: HostLook[]) => Promise<RolloutPlan>

/**
 * Plans under the lock and carries out what was planned, so that nothing changes in between; with --plan only looks,
 * without a lock.
 */
export async function planAndApply(
  open: OpenRollout,
  flags: ApplyFlags,
  { verb, planner }: { verb: RolloutPlan["verb"]; planner: Planner },
): Promise<void> {
  const { runner, hosts, progress } = open
  const look = () => Promise.all(hosts.map((host) => runner.look(host)))
  if (flags.plan) {
    const plan = await planner(await look())
    if (flags.out !== undefined) await writeFile(flags.out, `${JSON.stringify(rolloutPlanDocument(plan), null, 1)}\n`)
    console.log(flags.json ? JSON.stringify(rolloutPlanDocument(plan)) : rolloutPlanText(rolloutPlanDocument(plan)))
    process.exitCode = plan.refusals.length > 0 ? 1 : 0
    return
  }
  const run = newRun()
  await carriesOut(run)
  const holds = await Holds.take(runner, hosts, { run, owner: owner(), verb }, askingOf(open))
  try {
    const looks = await settled(open, holds, await look())
    const plan = await planner(looks)
    if (flags.before) requireFresh(flags.before, plan)
    progress.say(rolloutPlanText(rolloutPlanDocument(plan)))
    requireNoRefusal(plan)
    await requireReady(open, plan)
    const report = await rollOut(
      {
        ...{ runner, holds, run, owner: owner() },
        policy: flags.onFailure ?? open.chosen.fleet.policy.rollout.onFailure,
        parallel: flags.parallel ?? Math.max(4, availableParallelism()),
        verify: verifierOf(open),
        way: open.way,
        onEvent: progress.event,
        signal: open.signal,
      },
      plan,
    )
    await recordRollout(open, plan, report).catch((error) => {
      report.notes.push(
        `what this run showed could not be kept for phases and explain: ${error.message.split("\n")[0]}`,
      )
    })
    told(report, flags, progress.done)
  } finally {
    await holds.release()
  }
}

const askingOf = ({ progress, signal }: OpenRollout): Asking => ({
  isGone,
  onWait: (host, holder) =>
    progress.say(
      line("waiting", `${host} still works by itself on run ${holder.run} (${holder.verb}), whose deployer is gone`),
    ),
  signal,
})

function told(report: RolloutReport, flags: ApplyFlags, done: () => void): void {
  done()
  console.log(flags.json ? JSON.stringify(report) : rolloutText(report))
  process.exitCode = report.exitCode
}

/** What a run before left half done is made good first: a plan over it would be one over a moment. */
async function settled(open: OpenRollout, holds: Holds, looks: HostLook[]): Promise<HostLook[]> {
  const { runner, progress } = open
  const left = looks.filter(wantsSettling).map(({ host }) => host)
  if (left.length === 0) return looks
  progress.say(line("settle", `a run before was cut off: making good what it left on ${left.join(", ")}`))
  await settle({ runner, holds, onEvent: progress.event }, left)
  return Promise.all(looks.map((each) => (left.includes(each.host) ? runner.look(each.host) : each)))
}

function requireNoRefusal({ refusals }: RolloutPlan): void {
  if (refusals.length === 0) return
  const [first] = refusals
  throw new Problem(
    `nothing was changed: ${refusals.map(({ host, service, what }) => `${service} on ${host}: ${what}`).join("; ")}`,
    {
      fix: first!.fix,
      exitCode: 1,
    },
  )
}

/** Hosts that get new containers are looked at first: what fails there would fail in the middle. */
async function requireReady(
  { chosen, registry, repository, shell, progress, verifying }: OpenRollout,
  plan: RolloutPlan,
): Promise<void> {
  const changing = plan.hosts.filter(({ services }) => services.some(({ action }) => action !== "unchanged"))
  if (changing.length === 0) return
  const { address } = registry
  const { records } = await newestRecords(repository, `${address.host}/${address.org}`)
  const loopback = isLoopback(address)
  const wanted = changing.map(({ host }) =>
    wantedOf(chosen.fleet, host, {
      records,
      registry: { host: address.host, loopback, answers: loopback || undefined },
    }),
  )
  const hosts = await preflight(shell, wanted, pullableFrom(verifying.registry))
  if (exitCodeOf(hosts) === 0) {
    progress.say(line("preflight", `ok on ${changing.map(({ host }) => host).join(", ")}`))
    return
  }
  const addresses = Object.fromEntries(chosen.targets.map(({ host, address, port }) => [host, `${address}:${port}`]))
  const document = preflightDocument({
    yard: chosen.yard,
    registry: `${address.host}/${address.org}`,
    hosts,
    addresses,
  })
  progress.say(preflightText(document))
  throw new Problem("the hosts are not ready, and nothing was changed", {
    fix: "mend what failed above; `fairlead preflight` asks again",
    exitCode: exitCodeOf(hosts) === 3 ? 3 : 1,
  })
}
