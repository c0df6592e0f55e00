import type { LimitFunction } from "p-limit"
import { type Attesting, attest, isAttested } from "../attest/attest.ts"
import { recordStatement } from "../attest/statement.ts"
import type { Built } from "../build/build.ts"
import { lineage } from "../fleet/hierarchy.ts"
import type { Verdict } from "../gates/verdict.ts"
import type { PlannedFamily } from "../plan/plan.ts"
import type { ExitCode } from "../problem.ts"
import { sha256 } from "../sha256.ts"
import type { Yard } from "../yard.ts"
import type { Examined } from "./examine.ts"
import { type Found, isSaidOf, trustIn } from "./found.ts"
import { type Published, publish, republish } from "./publish.ts"
import type { ImageRecord } from "./record.ts"
import { isLoopback, type Registry, repository } from "./registry.ts"
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

/** Publishes families side by side, those that the registry has all at once; answers what became of each. */
export async function publishAll(
  leaving: Leaving,
  families: ReadonlySet<string>,
  side: LimitFunction,
): Promise<Map<string, Published>> {
  const planned = leaving.options.plan.families.filter(({ family }) => families.has(family))
  const all = await Promise.all(planned.map((each) => side(() => departing(leaving, each))))
  const [there, others] = [all.filter(isThere), all.filter((each) => !isThere(each))]
  const published = new Map<string, Published>()
  const done = async (each: Departing, out: Published) => {
    await keepRelease(leaving, each, out)
    published.set(each.family, out)
    tell(leaving.options, { family: each.family, step: "publish", state: "done", brief: leaving.options.plan.tag })
  }
  const together = side(async () => {
    for (const { family } of there) tell(leaving.options, { family, step: "publish", state: "started" })
    const outs = await republish(leaving.registry, there.filter(({ released }) => !released).map(releaseOf(leaving)))
    for (const each of there) await done(each, each.released ?? outs.shift()!)
  })
  await Promise.all([together, ...others.map((each) => side(async () => done(each, await publishOne(leaving, each))))])
  return published
}

/** A family on its way out, and what is known of it. */
interface Departing extends PlannedFamily {
  record: ImageRecord
  /** Its record hangs on its digest already, signed with a key that counts; or this run has no key to sign with. */
  said: boolean
  /** It was released from here as this run would release it, and still is. */
  released?: Published
  built?: Built
}

async function departing(leaving: Leaving, planned: PlannedFamily): Promise<Departing> {
  const { yard, examined, found } = leaving
  const { family } = planned
  const record = examined.records.get(family)!
  const asFound = record === found.records.get(family)
  const released = asFound ? found.released.get(family) : undefined
  const built = examined.built.find((each) => each.family === family)
  const signing = attestingIn(leaving)
  const saidHere = async () =>
    (await yard.records.releases(family)).some((each) => isSaidOf(each, record, signing?.signer.publicKey.id))
  const said =
    !signing ||
    released !== undefined ||
    (await saidHere()) ||
    // Another machine released it, or this one did so without records of its own.
    (asFound && !built && (await isAttested(signing, record)))
  return { ...planned, record, said, ...(released ? { released } : {}), built }
}

const attestingIn = ({ yard, registry }: Leaving): Attesting | undefined =>
  yard.signer && { registry, records: yard.records, signer: yard.signer, trusted: trustIn(yard)?.keys }

/** Nothing but tags is missing of it, if that. */
const isThere = ({ built, said }: Departing): boolean => built === undefined && said

const releaseOf =
  ({ options }: Leaving) =>
  ({ family, record }: Departing) => ({ family, tag: options.plan.tag, digest: record.digest })

async function publishOne(leaving: Leaving, each: Departing): Promise<Published> {
  const { registry, options, examined } = leaving
  const { family, fingerprint, record, said, built } = each
  tell(options, { family, step: "publish", state: "started" })
  const signing = attestingIn(leaving)
  // It hangs on the digest, whatever tags the image gets.
  const attesting = signing && !said && (() => attest(signing, record, built?.sbom))
  return publish(registry, {
    ...releaseOf(leaving)(each),
    fingerprint,
    archive: built?.archive,
    attest: attesting || undefined,
    sent: examined.sent.get(family),
  })
}

async function keepRelease({ yard, options }: Leaving, { family, record, released }: Departing, out: Published) {
  if (released) return
  const { tag } = options.plan
  const { signer } = yard
  const ref = `${repository(yard.registry, family)}:${tag}`
  const statement = signer && sha256(recordStatement(record))
  const signedBy = signer?.publicKey.id
  await yard.records.released({ family, tag, ref, ...out, signedBy, statement, at: new Date().toISOString() })
}
