import type { App } from "./app.ts"
import type { Budget, Family, NamedFamily } from "./family.ts"
import type { Fleet } from "./fleet.ts"
import { owned } from "./names.ts"
import type { NamedService, Service } from "./service.ts"

/** Builds every app image: a family, the app's code in /app and its own lock. */
export const appDockerfile = "dockerfiles/service.Dockerfile"

/** A family with an app's code in it. It is planned, built, judged and published like a family, under its own name. */
export interface AppImage extends NamedFamily {
  /** The app's name, a key of `fleet.apps`. */
  app: string
  parent: string
  /** Its services name no code of their own. */
  standIn: boolean
  services: NamedService[]
}

// Code is small; what is big comes by a lock, and then the app says how much it may add.
const room: Budget = { compressed: 5_000_000, uncompressed: 20_000_000 }

/** "reference-web": the app's name and the family's alias. Unlike a family's name it says whose code is in the image. */
export const appImageName = (app: string, { alias }: Pick<Family, "alias">): string => `${app}-${alias}`

/** The name of the app that a service runs: its own, or the stand-in. */
export const appNameOf = (apps: Readonly<Record<string, App>>, service: Pick<Service, "app">): string | undefined =>
  service.app ?? Object.keys(apps).find((name) => apps[name]?.standIn)

/** One image for each pair of app and family that services use, in the order in which services name them. */
export function appImages(fleet: Fleet): AppImage[] {
  const images = new Map<string, AppImage>()
  // Found once: looked up for each service, 10,000 services of the stand-in would look through all apps each time.
  const standIn = appNameOf(fleet.apps, {})
  for (const [name, service] of Object.entries(fleet.services)) {
    const app = service.app ?? standIn
    const code = app === undefined ? undefined : owned(fleet.apps, app)
    const family = owned(fleet.families, service.family)
    if (app === undefined || code?.path === undefined || !family) continue
    const image = appImageName(app, family)
    if (!images.has(image)) images.set(image, derived(image, { app, code }, { ...family, name: service.family }))
    images.get(image)!.services.push({ name, ...service })
  }
  return [...images.values()]
}

/** The image that a service runs: its app's, or the family's own where the app has no code but only a command. */
export function imageNameOf(fleet: Fleet, service: Service): string {
  const app = appNameOf(fleet.apps, service)
  const family = owned(fleet.families, service.family)
  const code = app === undefined ? undefined : owned(fleet.apps, app)
  return app !== undefined && family && code?.path !== undefined ? appImageName(app, family) : service.family
}

function derived(name: string, { app, code }: { app: string; code: App }, family: NamedFamily): AppImage {
  const { budget = room } = code
  return {
    name,
    alias: name,
    app,
    standIn: code.standIn,
    description: `${code.standIn ? "The stand-in app" : "The app"} ${app} on ${family.name}`,
    dockerfile: appDockerfile,
    parent: family.name,
    lock: code.lock,
    python: family.python,
    frozen: {},
    budget: {
      compressed: family.budget.compressed + budget.compressed,
      uncompressed: family.budget.uncompressed + budget.uncompressed,
    },
    gpu: false,
    args: argsOf(code, family.name),
    packages: [],
    system: [],
    allow: { setuid: [], compilers: [], ports: [] },
    services: [],
  }
}

function argsOf({ path, lock, volumes }: App, family: string): Record<string, string> {
  const folders = Object.values(volumes).sort().join(" ")
  return {
    FAMILY: family,
    ...(lock && path ? { LOCK: lock.slice(path.length + 1) } : {}),
    ...(folders ? { FOLDERS: folders } : {}),
  }
}
