import { appNameOf } from "../fleet/apps.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { appImages, buildOrder, lineage, servicesOf } from "../fleet/hierarchy.ts"
import { bytes, line, table } from "./text.ts"

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

/** The images of apps on families, as `families --json` tells them. */
export const appImageRows = (fleet: Fleet) =>
  appImages(fleet).map(({ name, app, standIn, parent, budget, services }) => ({
    image: name,
    app,
    standIn,
    family: parent,
    budget,
    buildable: lineage(fleet, name).every(({ dockerfile }) => dockerfile !== undefined),
    services: services.map((service) => service.name),
  }))

/** The hierarchy as a table, then the app images on it, and how many services have no code of their own yet. */
export function familiesText(fleet: Fleet): string {
  const images = appImageRows(fleet)
  const services = Object.values(fleet.services)
  const standIns = services.filter((service) => fleet.apps[appNameOf(fleet.apps, service) ?? ""]?.standIn)
  const standIn = Object.entries(fleet.apps).find(([, app]) => app.standIn)?.[0]
  return [
    familyTable(familyRows(fleet)),
    ...(images.length > 0 ? ["", appImageTable(images)] : []),
    ...(standIns.length > 0
      ? [
          "",
          line(
            "note",
            `${standIns.length} of ${services.length} services run the stand-in, apps.${standIn}: fleet.yaml names no code of theirs`,
          ),
        ]
      : []),
  ].join("\n")
}

const appImageTable = (images: ReturnType<typeof appImageRows>): string =>
  table(
    ["app image", "app", "stands on", "budget", "services"],
    images.map(({ image, app, standIn, family, budget, services, buildable }) => [
      image,
      standIn ? `${app} (stand-in)` : app,
      family,
      bytes(budget.compressed),
      buildable ? String(services.length) : `${services.length} (family not buildable yet)`,
    ]),
  )

const familyTable = (families: ReturnType<typeof familyRows>): string =>
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
