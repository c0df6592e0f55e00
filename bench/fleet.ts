import { cp, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { fairleadRoot as fleetRoot } from "../cli/version.ts"
import { Checkout } from "../test/e2e/yard.ts"

const families = ["base-python", "base-utils", "base-cpu-pydeps", "family-web"] as const

/** The first apps and what they stand on; further ones stand on the two in turn. */
const apps = { alpha: "base-cpu-pydeps", beta: "family-web", gamma: "family-web" } as const
/** What changes when one leaf changes: an app, and its image. */
export const leafApp = "alpha"
export const leaf = "alpha-cpu"

/** How many apps there are when nothing but the fleet's size is the question: as many as the blueprint has services. */
export const wholeApps = 64

/** A fleet to build: four families in a line, and apps as leaves. */
export interface BuildFleet {
  checkout: Checkout
  families: readonly string[]
  apps: readonly string[]
  /** What is built, in order. */
  images: readonly string[]
}

/** How many images a fleet of so many apps has. */
export const imagesOf = (count: number): number => families.length + count

/** As far as this file changes it. */
export interface FleetFile {
  families: Record<string, { parent?: string }>
  apps: Record<string, unknown>
  services: Record<string, Record<string, unknown>>
  policy: {
    registryCache: Record<string, unknown>
    rollout: Record<string, unknown> & { waves: { services?: string[] }[] }
  }
}

/** This repository's own fleet with so many apps in place of its services, in a repository of its own. */
export async function buildFleet(count: number = Object.keys(apps).length): Promise<BuildFleet> {
  const checkout = await Checkout.make()
  const standing = standingOn(count)
  const names = standing.map(([app]) => app)
  for (const app of names) {
    const at = join(checkout.root, "apps", app)
    await cp(join(fleetRoot, "apps/reference"), at, { recursive: true })
    // No two apps have the same bytes.
    await writeFile(join(at, "name"), `${app}\n`)
  }
  await changeFleet(checkout, (fleet) => {
    fleet.apps = Object.fromEntries(
      names.map((app) => [app, { path: `apps/${app}`, command: ["python", "/app/main.py"] }]),
    )
    // As for a registry that is not on the same disk, which this one stands in for: the others write theirs, too.
    fleet.policy.registryCache.use = "on"
    setServices(
      fleet,
      standing.map(([app, family], at) => [
        `Service${app}`,
        { family, app, hosts: ["mainpc"], needs: ["cpu"], port: 7001 + at, healthPort: 8001 + at },
      ]),
    )
  })
  const images = standing.map(([app, family]) => `${app}-${family === "family-web" ? "web" : "cpu"}`)
  return { checkout, families, apps: names, images: [...families, ...images] }
}

const standingOn = (count: number): [string, string][] => {
  const parents = [apps.alpha, apps.beta]
  const more = Array.from({ length: Math.max(0, count - 3) }, (_, at): [string, string] => [
    `app${at}`,
    parents[at % 2]!,
  ])
  return [...Object.entries(apps), ...more].slice(0, count)
}

/** Changes fleet.yaml as data, and commits it. */
export const changeFleet = (checkout: Checkout, how: (fleet: FleetFile) => void): Promise<void> =>
  checkout.change("fleet.yaml", (text) => {
    const fleet = parse(text) as FleetFile
    how(fleet)
    return stringify(fleet)
  })

/** Other services than before; waves that named services by name take them as they come. */
export function setServices(fleet: FleetFile, services: [string, Record<string, unknown>][]): void {
  fleet.services = Object.fromEntries(services)
  fleet.policy.rollout.waves = fleet.policy.rollout.waves.filter((wave) => wave.services === undefined)
}

const stamped = (stamp: string) => (text: string) => `${text.replace(/\n# measured .*\n$/, "\n")}# measured ${stamp}\n`

/** The very commit that was built before, as when a job is started once more. */
export const changeNoCommit = async (): Promise<void> => {}

/** A commit that changes no image, as most do: what comes of it is a new tag. */
export const changeNothing = (checkout: Checkout, stamp: string) => checkout.change("NOTES.md", stamped(stamp))

/** One line of one app's code. */
export const changeLeaf = (checkout: Checkout, stamp: string) => checkout.change("apps/alpha/main.py", stamped(stamp))

/** One line of a file that goes into the image at the foot of all others. */
export const changeBase = (checkout: Checkout, stamp: string) =>
  checkout.change("dockerfiles/entrypoint/announce.py", stamped(stamp))
