import type { LimitFunction } from "p-limit"
import { attest, isAttested } from "../attest/attest.ts"
import { signerName } from "../attest/sign.ts"
import { recordStatement } from "../attest/statement.ts"
import type { Built } from "../build/build.ts"
import { lineage } from "../fleet/hierarchy.ts"
import type { Verdict } from "../gates/verdict.ts"
import type { PlannedFamily } from "../plan/plan.ts"
import type { ExitCode } from "../problem.ts"
import { sha256 } from "../sha256.ts"
import type { Yard } from "../yard.ts"
import { attestingIn } from "./attesting.ts"
import type { Examined } from "./examine.ts"
import { type Found, isSaidOf } from "./found.ts"
import { type Published, publish } from "./publish.ts"
import type { ImageRecord } from "./record.ts"
import { isLoopback, type Registry, repository } from "./registry.ts"
import { send } from "./send.ts"
import { type ShipOptions, tell } from "./shipping.ts"

/** 0 passed or accepted (on loopback also unchecked), 1 a gate failed, 3 a gate could not look or nobody looked. */
export function exitCodeOf(verdict: Verdict, loopback: boolean): ExitCode {
  if (verdict === "FAIL") return 1
  if (verdict === "ERROR" || (verdict === "UNCHECKED" && !loopback)) return 3
  return 0
}

/**
 * What leaves for the registry: families that passed together with all that they stand on. A family that was not asked
 * for leaves only with one that was.
 */
export function publishable(yard: Yard, options: ShipOptions, verdicts: ReadonlyMap<string, Verdict>): Set<string> {
  if (options.dryRun) return new Set()
  const loopback = isLoopback(yard.registry)
  const line = (family: string) => lineage(yard.fleet, family).map(({ name }) => name)
  const sound = (family: string) => exitCodeOf(verdicts.get(family) ?? "ERROR", loopback) === 0
  return new Set(
    options.asked
      .map((family) => line(family))
      .filter((names) => names.every(sound))
      .flat(),
  )
}

interface Leaving {
  yard: Yard
  registry: Registry
  options: ShipOptions
  examined: Examined
  found: Found
}

/**
 * Publishes families: waits until each is in the registry with its record, then gives all of them their tags at once.
 * Answers what became of each. What kept one from the registry is thrown when the others are out.
 */
export async function publishAll(
  leaving: Leaving,
  families: ReadonlySet<string>,
  side: LimitFunction,
): Promise<Map<string, Published>> {
  const planned = leaving.options.plan.families.filter(({ family }) => families.has(family))
  const arriving = await Promise.allSettled(planned.map((each) => arrived(leaving, each, side)))
  const all = arriving.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []))
  const missing = arriving.find((each) => each.status === "rejected")
  const anew = all.filter(({ released }) => !released)
  const outs = await publish(leaving.registry, anew.map(releaseOf(leaving)))
  const published = new Map<string, Published>()
  for (const each of all) {
    const out = each.released ?? outs[anew.indexOf(each)]!
    await keepRelease(leaving, each, out)
    published.set(each.family, out)
    tell(leaving.options, { family: each.family, step: "publish", state: "done", brief: leaving.options.plan.tag })
  }
  if (missing) throw missing.reason
  return published
}

/** A family on its way out, and what is known of it. */
interface Departing extends PlannedFamily {
  record: ImageRecord
  /** It was released from here as this run would release it, and still is. */
  released?: Published
  built?: Built
}

/** A family that is in the registry, with its record where this run has what signs it. */
async function arrived(leaving: Leaving, planned: PlannedFamily, side: LimitFunction): Promise<Departing> {
  const { yard, registry, options, examined, found } = leaving
  const { family } = planned
  tell(options, { family, step: "publish", state: "started" })
  const record = examined.records.get(family)!
  const asFound = record === found.records.get(family)
  const released = asFound ? found.released.get(family) : undefined
  const built = examined.built.find((each) => each.family === family)
  if (built) {
    if (!(await examined.sent.get(family))) await send(yard, registry, { image: built, record, side })
  } else if (!released) await side(() => attestOnce(leaving, record, asFound))
  return { ...planned, record, ...(released ? { released } : {}), built }
}

/** Attaches the record of an image that was there already, where it does not hang there yet. */
async function attestOnce({ yard, registry, found }: Leaving, record: ImageRecord, asFound: boolean): Promise<void> {
  const attesting = attestingIn(yard, registry)
  if (!attesting) return
  const signing = { ...attesting, referrers: found.referrers }
  const releases = await yard.records.releases(record.family)
  if (releases.some((each) => isSaidOf(each, record, signerName(signing.signer)))) return
  // Another machine released it, or this one did so without records of its own.
  if (asFound && (await isAttested(signing, record))) return
  await attest(signing, record)
}

const releaseOf =
  ({ options }: Leaving) =>
  ({ family, fingerprint, record, built }: Departing) => ({
    ...{ family, tag: options.plan.tag, digest: record.digest },
    ...(built ? { fingerprint } : {}),
  })

async function keepRelease({ yard, options }: Leaving, { family, record, released }: Departing, out: Published) {
  if (released) return
  const { tag } = options.plan
  const { signer } = yard
  const ref = `${repository(yard.registry, family)}:${tag}`
  const statement = signer && sha256(recordStatement(record))
  const signedBy = signer && signerName(signer)
  await yard.records.released({ family, tag, ref, ...out, signedBy, statement, at: new Date().toISOString() })
}
