import { cp } from "node:fs/promises"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { fairleadRoot } from "../cli/version.ts"
import { Checkout } from "../test/e2e/yard.ts"

/** What is built, in order: four families in a line, and three apps as leaves. */
export const families = ["base-python", "base-utils", "base-cpu-pydeps", "family-web"] as const
const apps = { alpha: "base-cpu-pydeps", beta: "family-web", gamma: "family-web" } as const
export const appNames = Object.keys(apps)
export const images = [...families, "alpha-cpu", "beta-web", "gamma-web"] as const
/** What changes when one leaf changes. */
export const leaf = "alpha-cpu"

/** As far as this file changes it. */
export interface FleetFile {
  families: Record<string, { parent?: string }>
  apps: Record<string, unknown>
  services: Record<string, Record<string, unknown>>
  policy: { rollout: Record<string, unknown> & { waves: { services?: string[] }[] } }
}

/** This repository's own fleet with the three apps in place of its services, in a repository of its own. */
export async function buildFleet(): Promise<Checkout> {
  const checkout = await Checkout.make()
  for (const app of appNames) {
    const from = join(fairleadRoot, "apps/reference")
    await cp(from, join(checkout.root, "apps", app), { recursive: true })
  }
  await changeFleet(checkout, (fleet) => {
    fleet.apps = Object.fromEntries(
      appNames.map((app) => [app, { path: `apps/${app}`, command: ["python", "/app/main.py"] }]),
    )
    setServices(
      fleet,
      Object.entries(apps).map(([app, family], at) => [
        `Service${app}`,
        { family, app, hosts: ["mainpc"], needs: ["cpu"], port: 7001 + at, healthPort: 8001 + at },
      ]),
    )
  })
  return checkout
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

/** A commit that changes no image, as most do: what comes of it is a new tag. */
export const changeNothing = (checkout: Checkout, stamp: string) => checkout.change("NOTES.md", stamped(stamp))

/** One line of one app's code. */
export const changeLeaf = (checkout: Checkout, stamp: string) => checkout.change("apps/alpha/main.py", stamped(stamp))

/** One line of a file that goes into the image at the foot of all others. */
export const changeBase = (checkout: Checkout, stamp: string) =>
  checkout.change("dockerfiles/entrypoint/announce.py", stamped(stamp))
