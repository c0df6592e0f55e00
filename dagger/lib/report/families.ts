import type { Fleet } from "../fleet/fleet.ts"
import { buildOrder, servicesOf } from "../fleet/hierarchy.ts"
import { bytes, table } from "./text.ts"

/** The families in build order, as `families --json` tells them. */
export const familyRows = (fleet: Fleet) =>
  buildOrder(fleet, Object.keys(fleet.families)).map(({ name, alias, parent, base, budget, dockerfile }) => ({
    family: name,
    alias,
    parent: parent ?? null,
    ...(base ? { base } : {}),
    budget,
    buildable: dockerfile !== undefined,
    services: servicesOf(fleet, name).map((service) => service.name),
  }))

/** The hierarchy as a table. */
export const familiesText = (families: ReturnType<typeof familyRows>): string =>
  table(
    ["family", "alias", "stands on", "budget", "services"],
    families.map(({ family, alias, parent, base, budget, services, buildable }) => [
      family,
      alias,
      parent ?? base ?? "",
      bytes(budget.compressed),
      buildable ? String(services.length) : `${services.length} (no Dockerfile yet)`,
    ]),
  )
