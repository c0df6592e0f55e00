import type { Fleet } from "../fleet/fleet.ts"
import { appImages } from "../fleet/hierarchy.ts"
import type { ShipReport } from "../release/ship.ts"
import type { RecordStore } from "../release/store.ts"
import type { Risk } from "../risks/risk.ts"
import { riskNotes } from "../risks/standing.ts"
import { type FleetState, fleetState, type Release } from "./state.ts"

interface On {
  fleet: Fleet
  risks: readonly Risk[]
  now: Date
  records: RecordStore
}

/** The whole fleet as a store knows it. */
export async function recordedState(on: On): Promise<FleetState> {
  const families = [...Object.keys(on.fleet.families), ...appImages(on.fleet).map(({ name }) => name)]
  const releases = new Map(
    await Promise.all(families.map(async (family) => [family, await releasesOf(on.records, family)] as const)),
  )
  const again = families.map(async (family) => [family, await on.records.reproduction(family)] as const)
  const reproductions = new Map(await Promise.all(again))
  const newest = await Promise.all(families.map(async (family) => [family, await on.records.latest(family)] as const))
  return fleetState({
    ...on,
    releases,
    reproductions,
    riskNotes: riskNotes(on.risks, Object.fromEntries(newest), on.now),
  })
}

/** A family's records, the newest first, each with the last tag that its image was published under. */
async function releasesOf(records: RecordStore, family: string): Promise<Release[]> {
  const [history, published] = await Promise.all([records.history(family), records.releases(family)])
  return history.map((record) => {
    const tag = published.find(({ digest }) => digest === record.digest)?.tag
    return tag === undefined ? record : { ...record, tag }
  })
}

/** The families that were shipped just now, with what the store knows from before. */
export async function shippedState(report: ShipReport, { fleet, risks, now, records }: On): Promise<FleetState> {
  const releases = report.families.map(async (shipped): Promise<[string, Release[]]> => {
    const { family, ref, gates, digest, size, packages, reason, seconds } = shipped
    const older = await releasesOf(records, family)
    const tag = ref?.split(":").at(-1)
    const at = now.toISOString()
    const release = { family, gates, digest, size, packages, reason, seconds, tag, at }
    return [family, [release, ...older.filter((each) => each.digest !== digest)]]
  })
  const only = report.families.map(({ family }) => family)
  return fleetState({
    fleet,
    risks,
    now,
    only,
    releases: new Map(await Promise.all(releases)),
    riskNotes: report.notes,
  })
}
