import type { Fleet } from "../fleet/fleet.ts"
import type { ShipReport } from "../release/ship.ts"
import type { RecordStore } from "../release/store.ts"
import type { Risk } from "../risks/risk.ts"
import { type FleetState, fleetState, type Release } from "./state.ts"

/** What a store knows of a fleet's releases, each family's newest first. */
export async function releasesIn(records: RecordStore, families: readonly string[]): Promise<Map<string, Release[]>> {
  const found = families.map(async (family) => [family, await releasesOf(records, family)] as const)
  return new Map((await Promise.all(found)).filter(([, releases]) => releases.length > 0))
}

async function releasesOf(records: RecordStore, family: string): Promise<Release[]> {
  const latest = await records.latest(family)
  return latest ? [latest] : []
}

/** The families that were shipped just now, before those that the store knows of. */
export async function shippedState(
  report: ShipReport,
  { fleet, risks, now, records }: { fleet: Fleet; risks: readonly Risk[]; now: Date; records: RecordStore },
): Promise<FleetState> {
  const only = report.families.map(({ family }) => family)
  const before = await releasesIn(records, only)
  const releases = report.families.map((shipped): [string, Release[]] => {
    const { family, ref, gates, digest, size, packages, reason, seconds } = shipped
    const older = before.get(family) ?? []
    const known = older.find((each) => each.digest === digest)
    const { contents, revision } = known ?? {}
    const tag = ref?.split(":").at(-1)
    const at = now.toISOString()
    const release = { family, gates, digest, size, packages, reason, seconds, contents, revision, tag, at }
    return [family, [release, ...older.filter((each) => each !== known)]]
  })
  return fleetState({ fleet, risks, now, only, releases: new Map(releases) })
}
