import { Command } from "commander"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { buildOrder, servicesOf } from "../../dagger/lib/fleet/hierarchy.ts"
import { bytes, table } from "../../dagger/lib/report/text.ts"
import { type Shared, withShared } from "../options.ts"
import { openRepository } from "../repository.ts"

export const familiesVerb = (): Command =>
  withShared(new Command("families").description("the hierarchy: parent, alias, size budget, services")).action(
    async (options: Shared) => {
      const { fleet } = await openRepository(options.source)
      const families = familyRows(fleet)
      console.log(options.json ? JSON.stringify({ schema: 1, families }) : familiesText(families))
    },
  )

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

const familiesText = (families: ReturnType<typeof familyRows>): string =>
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
