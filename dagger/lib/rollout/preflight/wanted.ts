import { appImages, imageNameOf } from "../../fleet/apps.ts"
import type { Fleet } from "../../fleet/fleet.ts"
import { appOf, hostNamed } from "../../fleet/named.ts"
import { layersOf } from "../../release/layers.ts"
import type { NewestRecords } from "../../risks/standing.ts"
import type { Wanted, WantedImage, WantedRegistry, WantedService } from "./check.ts"

/** What fleet.yaml and the newest records want of a host. */
export function wantedOf(
  fleet: Fleet,
  host: string,
  known: { records: NewestRecords; registry: WantedRegistry },
): Wanted {
  const services = Object.entries(fleet.services)
    .filter(([, { hosts }]) => hosts.includes(host))
    .map(([name, service]): WantedService => ({ name, ...service, standIn: appOf(fleet, name).standIn }))
  const budgets = new Map(appImages(fleet).map(({ name, budget }) => [name, budget]))
  const images = [...new Set(services.map((service) => imageNameOf(fleet, service)))].map((name): WantedImage => {
    const record = known.records[name]
    const budget = budgets.get(name) ?? fleet.families[name]!.budget
    return { name, budget, ...(record && { known: { digest: record.digest, layers: layersOf(record) } }) }
  })
  return { fleet: fleet.name, host: hostNamed(fleet, host), services, images, registry: known.registry }
}
