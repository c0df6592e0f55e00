import { snakeName } from "../../fleet/names.ts"
import { packagesOf } from "../../release/packages.ts"
import { type Sizes, sizeOf, type Tile } from "../sizes.ts"
import type { FleetState } from "../state.ts"
import { standingWord } from "../words.ts"
import { shownText } from "./markup.ts"

/** What the page's script works with. Families and services are named by their place in the lists. */
export interface PageData {
  families: { name: string; standing: string; services: number[]; known: boolean; sizes?: Sizes }[]
  services: { name: string; snake: string; family: number; hosts: string[]; port: number; healthPort: number }[]
  /** name, version, kind, families. */
  packages: [string, string, string, number[]][]
}

/** The fleet as the search box and the treemap read it: each package once, however many families have it. */
export function pageData({ families }: FleetState): PageData {
  const services = families.flatMap((family, at) => family.services.map((service) => ({ ...service, at })))
  const packages = new Map<string, PageData["packages"][number]>()
  families.forEach(({ release }, at) => {
    for (const { name, version, kind } of (release && packagesOf(release)) ?? []) {
      const key = `${kind}\0${name}\0${version}`
      const known = packages.get(key)
      if (!known) packages.set(key, [shownText(name), shownText(version), kind, [at]])
      else if (known[3].at(-1) !== at) known[3].push(at)
    }
  })
  return {
    families: families.map(({ family, standing, release, parent }, at) => ({
      name: family,
      standing: standingWord[standing],
      services: services.flatMap((service, index) => (service.at === at ? [index] : [])),
      known: release !== undefined && packagesOf(release) !== undefined,
      sizes: shownSizes(sizeOf(release, families.find((each) => each.family === parent)?.release)),
    })),
    services: services.map(({ name, at, hosts, port, healthPort }) => {
      return { name, snake: snakeName(name), family: at, hosts, port, healthPort }
    }),
    packages: [...packages.values()],
  }
}

function shownSizes(sizes: Sizes | undefined): Sizes | undefined {
  const shown = (tile: Tile): Tile => ({ ...tile, name: shownText(tile.name), detail: shownText(tile.detail) })
  return sizes && { ...sizes, layers: sizes.layers.map(shown), packages: sizes.packages.map(shown) }
}
