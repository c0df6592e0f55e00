import { waveOf } from "../../fleet/waves.ts"
import { Problem, wrongInput } from "../../problem.ts"
import { digestIn } from "../../release/reference.ts"
import { keptDefinition } from "../definition.ts"
import { currentOf, type HostLook, isGood, type Snapshot } from "../host/look.ts"
import type { ComposeService } from "../service.ts"
import type { ChosenTag } from "../targets.ts"
import { holds } from "../targets.ts"
import { type Facts, lookOf, planFor, type WantedService } from "./compare.ts"
import type { RolloutPlan } from "./plan.ts"

export interface RollbackInput extends Facts {
  /** Only these. Default: every host that was looked at. */
  hosts?: readonly string[]
  /** A definition as a host keeps it: `HostRunner.definition`. */
  definition: (host: string, svc: string, hash: string) => Promise<ComposeService | undefined>
  /** Runs of all hosts in the order in which they ended, the newest first. Default: hosts must agree on the newest. */
  runs?: readonly string[]
  /** The newest of them, where it was a rollback that never ended: it is brought to an end, not taken back. */
  cutOff?: string
  now: Date
}

/**
 * The plan that takes hosts back to what was good together before. Where something drifted from the newest snapshot, or a
 * run was not finished, that snapshot is the last good one; else the newest run is undone, on every host that it was on.
 * To roll back to a tag is to deploy that tag: `planRollout`. Throws a Problem (exit code 3) where there is nothing to go
 * back to, and one (exit code 2) where hosts were last deployed to by different runs.
 */
export async function rollbackPlan(input: RollbackInput): Promise<RolloutPlan> {
  const names = input.hosts ?? input.looks.map(({ host }) => host)
  const looks = names.map((host) => lookOf(input.looks, host))
  const targets = lastGood(looks, input)
  const wanted = await Promise.all(targets.map(({ look, snapshot }) => wantedFrom(input, look, snapshot)))
  const chosen = targets.map(({ look, snapshot, run }): [string, ChosenTag] => {
    const { pin } = look
    const tag = look.snapshots.find(({ seq }) => seq === snapshot.seq)?.tag ?? run
    return [look.host, { tag, by: "snapshot", ...(pin && holds(pin, input.now) && { pin }) }]
  })
  const plan = planFor(input, {
    verb: "rollback",
    wanted: wanted.flat(),
    chosen: Object.fromEntries(chosen),
    leftOut: [],
  })
  return { ...plan, refusals: [...plan.refusals, ...againstPins(plan)] }
}

interface Target {
  look: HostLook
  snapshot: Snapshot
  run: string
}

function lastGood(looks: readonly HostLook[], { runs, cutOff }: Pick<RollbackInput, "runs" | "cutOff">): Target[] {
  const drifted = looks.filter((look) => look.kept[0] !== undefined && differs(look, look.kept[0]))
  const newest = (look: HostLook) => look.snapshots[0]?.run
  const begun = cutOff === undefined ? 0 : stepOf(looks, cutOff)
  if (drifted.length > 0 && begun === 0) return looks.flatMap((look) => target(look, 0))
  const last = runs?.find((run) => looks.some((look) => newest(look) === run))
  const undone =
    last === undefined ? looks.filter((look) => newest(look)) : looks.filter((look) => newest(look) === last)
  const found = [...new Set(undone.map(newest))]
  if (found.length > 1) throw whichRun(undone)
  const steps = Math.max(0, ...undone.map(({ kept }) => kept.length))
  for (let step = Math.max(1, begun); step < steps; step++) {
    const targets = undone.flatMap((look) => target(look, step))
    if (targets.some(({ look, snapshot }) => differs(look, snapshot))) return targets
  }
  throw new Problem("there is nothing to go back to", {
    where: looks.map(({ host }) => host).join(", "),
    why: undone.length === 0 ? "no run was ever finished there" : "what was good before is what runs",
    fix: "name a release: fairlead rollback --to TAG",
  })
}

/** How many snapshots back a rollback was on the way to when it was cut off, by what it had switched; 0 where nothing tells. */
function stepOf(looks: readonly HostLook[], run: string): number {
  const switched = looks.flatMap((look) =>
    look.containers
      .filter((each) => each.run === run && currentOf(look, each.name) === each)
      .map((each) => ({ look, each })),
  )
  const steps = Math.max(0, ...looks.map(({ kept }) => kept.length))
  for (let step = 0; step < steps && switched.length > 0; step++) {
    const goesThere = switched.every(({ look, each: { name, definition } }) =>
      look.kept[step]?.services.some((kept) => kept.svc === name && kept.definition === definition),
    )
    if (goesThere) return step
  }
  return 0
}

function target(look: HostLook, step: number): Target[] {
  const snapshot = look.kept[step]
  return snapshot ? [{ look, snapshot, run: look.snapshots.find(({ seq }) => seq === snapshot.seq)?.run ?? "" }] : []
}

/**
 * Something of the snapshot was replaced since, or what replaced it is not good. One that stopped by itself was not: who
 * rolls back for that wants another release, not the same once more.
 */
const differs = (look: HostLook, { services }: Snapshot): boolean =>
  services.some(({ svc, definition }) => {
    const current = currentOf(look, svc)
    return current?.definition !== definition || !isGood(look, svc, current)
  })

const whichRun = (looks: readonly HostLook[]): Problem =>
  wrongInput("the hosts were last deployed to by different runs", {
    why: looks.map(({ host, snapshots }) => `${host} by ${snapshots[0]?.run} (${snapshots[0]?.tag})`).join(", "),
    fix: "say which to take back: --host NAME, or --to TAG for all of them",
  })

async function wantedFrom(
  { fleet, definition }: RollbackInput,
  { host }: HostLook,
  { services }: Snapshot,
): Promise<WantedService[]> {
  const read = services.map(async ({ svc, definition: hash, tag }): Promise<WantedService> => {
    const kept = keptDefinition({ host, svc, hash }, await definition(host, svc, hash))
    const { image, labels } = kept.service
    const name = labels["dev.fairlead.service"]!
    const digest = digestIn(image)
    if (digest === undefined) throw new Problem(`${svc}'s image has no digest: ${image}`, { where: host })
    const service = fleet.services[name]
    const then = labels["dev.fairlead.wave"]!
    const waves = fleet.policy.rollout.waves.map((wave) => wave.name)
    const standing = service?.hosts.includes(host) ? waveOf(fleet, { name, ...service }, host) : then
    return {
      ...{ service: name, host, definition: kept, standIn: labels["dev.fairlead.stand-in"] === "true" },
      wave: waves.includes(standing) ? standing : waves.at(-1)!,
      ...(service?.stoodInFor !== undefined && { stoodInFor: service.stoodInFor }),
      to: { image, digest, definition: hash, tag },
    }
  })
  return Promise.all(read)
}

/** A host that is pinned to one release is not taken to another one. */
const againstPins = ({ hosts }: RolloutPlan): RolloutPlan["refusals"] =>
  hosts.flatMap(({ host, chosen: { pin }, services }) =>
    services
      .filter(({ action, to }) => pin && action !== "unchanged" && to.tag !== pin.tag)
      .map(({ service, to }) => ({
        ...{ kind: "pin" as const, host, service },
        what: `${host} is pinned to ${pin!.tag} (${pin!.reason}), so ${to.tag} does not go there`,
        fix: `fairlead unpin --host ${host}, or leave the host out`,
      })),
  )
