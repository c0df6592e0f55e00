import type { LimitFunction } from "p-limit"
import { attest } from "../attest/attest.ts"
import { recordStatement } from "../attest/statement.ts"
import { lineage } from "../fleet/hierarchy.ts"
import type { Verdict } from "../gates/verdict.ts"
import type { PlannedFamily } from "../plan/plan.ts"
import type { ExitCode } from "../problem.ts"
import { sha256 } from "../sha256.ts"
import type { Yard } from "../yard.ts"
import type { Examined } from "./examine.ts"
import { type Found, isSaidOf, trustIn } from "./found.ts"
import { type Published, publish } from "./publish.ts"
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

/** Publishes families side by side; answers what became of each. */
export async function publishAll(
  leaving: Leaving,
  families: ReadonlySet<string>,
  side: LimitFunction,
): Promise<Map<string, Published>> {
  const published = new Map<string, Published>()
  const planned = leaving.options.plan.families.filter(({ family }) => families.has(family))
  await Promise.all(
    planned.map((each) => side(async () => published.set(each.family, await publishOne(leaving, each)))),
  )
  return published
}

async function publishOne(
  { yard, registry, options, examined, found }: Leaving,
  { family, fingerprint }: PlannedFamily,
): Promise<Published> {
  tell(options, { family, step: "publish", state: "started" })
  const { signer } = yard
  const { tag } = options.plan
  const record = examined.records.get(family)!
  const there = found.released.get(family)
  if (there && record === found.records.get(family)) {
    tell(options, { family, step: "publish", state: "done", brief: tag })
    return there
  }
  const { archive, sbom } = examined.built.find((each) => each.family === family) ?? {}
  const signedBy = signer?.publicKey.id
  // It hangs on the digest, whatever tags the image gets.
  const said = (await yard.records.releases(family)).some((each) => isSaidOf(each, record, signedBy))
  const trusted = trustIn(yard)?.keys
  const attesting =
    signer && !said && (() => attest({ registry, records: yard.records, signer, trusted }, record, sbom))
  const out = await publish(registry, {
    family,
    tag,
    digest: record.digest,
    fingerprint,
    archive,
    attest: attesting || undefined,
    sent: examined.sent.get(family),
  })
  const ref = `${repository(yard.registry, family)}:${tag}`
  const statement = signer && sha256(recordStatement(record))
  await yard.records.released({ family, tag, ref, ...out, signedBy, statement, at: new Date().toISOString() })
  tell(options, { family, step: "publish", state: "done", brief: tag })
  return out
}
