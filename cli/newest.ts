import type { Known } from "../dagger/lib/explain/known.ts"
import type { Repository } from "../dagger/lib/fleet/repository.ts"
import type { RegistryAddress } from "../dagger/lib/release/registry.ts"
import type { NewestRecords } from "../dagger/lib/risks/standing.ts"
import { chooseRegistry } from "./registry.ts"
import { recordsOf } from "./yard.ts"

/** The newest record of every family at the registry that images go to. */
export async function newestRecords(
  { fleet }: Repository,
  registry?: string,
): Promise<{ records: NewestRecords; releases: Known["releases"]; address: RegistryAddress }> {
  const { address } = await chooseRegistry(fleet, registry)
  const store = recordsOf(address)
  const found = Object.keys(fleet.families).map(async (family) => [family, await store.latest(family)] as const)
  // The store does not remember yet what was published.
  return { records: Object.fromEntries(await Promise.all(found)), releases: [], address }
}
