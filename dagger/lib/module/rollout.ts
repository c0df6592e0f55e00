import { StepError } from "../engine/engine.ts"
import type { Policy } from "../fleet/policy.ts"
import { type ExitCode, Problem, wrongInput } from "../problem.ts"
import type { Registry } from "../release/registry.ts"
import { preflightText } from "../report/preflight.ts"
import { rolloutText } from "../report/rollout.ts"
import { historyText } from "../report/rollout-history.ts"
import { RolloutLines } from "../report/rollout-lines.ts"
import { rolloutPlanDocument } from "../report/rollout-plan.ts"
import { rolloutPlanText } from "../report/rollout-plan-text.ts"
import { statusText } from "../report/status.ts"
import type { NewestRecords } from "../risks/standing.ts"
import { type Planner, planAndApply, planOnly } from "../rollout/deploy/apply.ts"
import { askHistory } from "../rollout/history/ask.ts"
import { readHistory } from "../rollout/history/history.ts"
import type { OpenRollout, RolloutTeller } from "../rollout/open.ts"
import { type DeployWish, planDeploy } from "../rollout/plan/deploy.ts"
import { planLastGood } from "../rollout/plan/last-good.ts"
import type { RolloutPlan } from "../rollout/plan/plan.ts"
import { askPreflight } from "../rollout/preflight/ask.ts"
import { pullableFrom } from "../rollout/preflight/pullable.ts"
import { askStatus } from "../rollout/status/ask.ts"
import { askReceiver } from "../rollout/status/receiver.ts"
import { receiverUrl } from "../rollout/status/reports.ts"
import { type HostsInReach, registryIn, rolloutIn, sizesOn, wayTo, withHosts } from "./hosts.ts"
import type { Site } from "./yard.ts"

// Somebody waits for the answer: a host that is away is told after one try.
const patienceSeconds = 3

/** What would keep a rollout from working, on each host, as text. Throws it where anything fails. */
export const preflightCall = (site: Site, hosts: readonly string[]): Promise<string> =>
  withHosts(site, hosts, { patienceSeconds }, async (open) => {
    const registry = await registryIn(site, open)
    const { document, exitCode } = await askPreflight({
      ...{ chosen: open.chosen, shell: open.shell, registry: registry.address },
      // Where the registry is down there are no records either, and the host's row says so.
      records: await sizesOn(site, open).catch(unlessStep),
      ...{ answers: () => answers(registry), pullable: pullableFrom(registry), way: wayTo(registry.address, open) },
    })
    return told(preflightText(document), exitCode)
  })

/** Whatever it answers to a question about nothing in particular. */
const answers = (registry: Registry): Promise<boolean> =>
  registry.manifest("fairlead", "current").then(
    () => true,
    (error) => {
      if (error instanceof StepError) return false
      throw error
    },
  )

function unlessStep(error: unknown): NewestRecords {
  if (error instanceof StepError) return {}
  throw error
}

/** What runs where, as text. Throws it where something is not as it was deployed. */
export const statusCall = (site: Site, hosts: readonly string[], all: boolean): Promise<string> =>
  withHosts(site, hosts, { patienceSeconds }, async (open) => {
    const { document, exitCode } = await askStatus(open, { now: new Date(), receiver: () => receiverOf(open) })
    return told(statusText(document, { all }), exitCode)
  })

async function receiverOf({ demo, chosen }: HostsInReach) {
  if (!demo) return askReceiver(receiverUrl(chosen.fleet))
  return { url: demo.observability.url, why: "it is on your own loopback, where the module does not look" }
}

/** Who deployed what, when, and how it ended, as text. Throws it where a host's history is not sound. */
export const historyCall = (site: Site, hosts: readonly string[], all: boolean): Promise<string> =>
  withHosts(site, hosts, { patienceSeconds }, async ({ chosen, runner, hosts: names }) => {
    // Nobody read them before: that an end was cut off is told by whoever did.
    const read = async (host: string) => readHistory(host, await runner.history(host))
    const { document, exitCode } = await askHistory(chosen.yard, names, read)
    return told(historyText(document, { all }), exitCode)
  })

/** What deploy and rollback are asked alike. */
export interface RolloutAsked {
  hosts: readonly string[]
  /** Only say what would be done. */
  plan: boolean
  onFailure?: string
  parallel?: number
  /** Who the hosts are told that works on them. */
  by: string
}

/** Rolls a release out and tells how it went, as text. Throws the same text where it did not end well. */
export const deployCall = (site: Site, asked: RolloutAsked & DeployWish): Promise<string> =>
  rollout(site, asked, "deploy", (open) => (looks) => planDeploy(open, asked, looks))

/** Goes back to what was good before, or to a release; else the same. */
export const rollbackCall = (site: Site, asked: RolloutAsked & { to?: string }): Promise<string> =>
  rollout(
    site,
    asked,
    "rollback",
    (open) => (looks) =>
      asked.to === undefined
        ? planLastGood(open, looks)
        : planDeploy(open, { tag: asked.to, standIns: true }, looks, "rollback"),
  )

async function rollout(
  site: Site,
  asked: RolloutAsked,
  verb: RolloutPlan["verb"],
  plannerOn: (open: OpenRollout) => Planner,
): Promise<string> {
  const onFailure = policyOf(asked.onFailure)
  const parallel = countOf(asked.parallel)
  const progress = new Told()
  return withHosts(site, asked.hosts, { say: progress.say }, async (hosts) => {
    const open = await rolloutIn(site, hosts, { progress, owner: asked.by })
    const planner = plannerOn(open)
    if (asked.plan) {
      const plan = await planOnly(open, planner)
      return told(rolloutPlanText(rolloutPlanDocument(plan)), plan.refusals.length > 0 ? 1 : 0)
    }
    let exitCode: ExitCode = 0
    const ended: Parameters<typeof planAndApply>[1]["ended"] = async (report) => {
      progress.texts.push("", rolloutText(report))
      exitCode = report.exitCode
    }
    try {
      await planAndApply(open, { verb, planner, onFailure, parallel, ended })
    } catch (error) {
      if (!(error instanceof Problem) || progress.texts.length === 0) throw error
      throw new Problem([...progress.texts, "", error.message].join("\n"), { exitCode: error.exitCode })
    }
    return told(progress.texts.join("\n"), exitCode)
  })
}

/** Keeps what is told while it goes on, for the answer; the engine's own log shows it meanwhile. */
class Told implements RolloutTeller {
  readonly texts: string[] = []
  private readonly lines = new RolloutLines("ended")

  say = (text: string): void => {
    this.texts.push(text)
    console.error(text)
  }

  event: RolloutTeller["event"] = (event) => {
    const text = this.lines.of(event)
    if (text !== undefined) this.say(text)
  }
}

/** A text that did not end well is thrown: it is all that crosses the boundary of a module. */
function told(text: string, exitCode: ExitCode): string {
  if (exitCode !== 0) throw new Problem(text, { exitCode })
  return text
}

const policies = ["service", "wave", "fleet"] as const

function policyOf(text: string | undefined): Policy["rollout"]["onFailure"] | undefined {
  const known = policies.find((each) => each === text)
  if (text === undefined || known) return known
  throw wrongInput("it is none of service, wave, fleet", { where: "--on-failure" })
}

function countOf(number: number | undefined): number | undefined {
  if (number === undefined || (Number.isInteger(number) && number >= 1 && number <= 64)) return number
  throw wrongInput("it is no number from 1 to 64", { where: "--parallel" })
}
