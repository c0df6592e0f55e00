import type { Known } from "../dagger/lib/explain/known.ts"
import { appImages } from "../dagger/lib/fleet/apps.ts"
import type { Repository } from "../dagger/lib/fleet/repository.ts"
import type { RegistryAddress } from "../dagger/lib/release/registry.ts"
import type { NewestRecords } from "../dagger/lib/risks/standing.ts"
import { chooseRegistry } from "./registry.ts"
import { recordsOf } from "./yard.ts"

/** The newest record of every image at the registry that images go to. */
export async function newestRecords(
  { fleet }: Repository,
  registry?: string,
): Promise<{ records: NewestRecords; releases: Known["releases"]; address: RegistryAddress }> {
  const { address } = await chooseRegistry(fleet, registry)
  const store = recordsOf(address)
  const names = [...Object.keys(fleet.families), ...appImages(fleet).map(({ name }) => name)]
  const found = names.map(async (name) => [name, await store.latest(name)] as const)
  return { records: Object.fromEntries(await Promise.all(found)), releases: await store.releases(), address }
}
