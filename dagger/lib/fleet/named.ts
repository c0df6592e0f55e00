import { type Problem, wrongInput } from "../problem.ts"
import type { App } from "./app.ts"
import { appNameOf } from "./apps.ts"
import type { Fleet } from "./fleet.ts"
import type { Host } from "./host.ts"
import { closest, owned, snakeName } from "./names.ts"
import type { NamedService } from "./service.ts"
import { shown } from "./shown.ts"

/** A host together with the name under which it stands in fleet.yaml. */
export interface NamedHost extends Host {
  name: string
}

/** An app together with the name under which it stands in fleet.yaml. */
export interface NamedApp extends App {
  name: string
}

/** The service with this name, also as its containers carry it ("tiered_responder"). Throws a Problem (exit code 2). */
export function serviceNamed(fleet: Fleet, name: string): NamedService {
  const found = owned(fleet.services, name)
    ? name
    : Object.keys(fleet.services).find((each) => snakeName(each) === name)
  const service = found === undefined ? undefined : owned(fleet.services, found)
  if (found !== undefined && service) return { name: found, ...service }
  throw unknown("service", name, Object.keys(fleet.services))
}

/** The host with this name. Throws a Problem (exit code 2) that lists the known ones. */
export function hostNamed(fleet: Fleet, name: string): NamedHost {
  const host = owned(fleet.hosts, name)
  if (host) return { name, ...host }
  throw unknown("host", name, Object.keys(fleet.hosts))
}

/** The app that a service runs: its own, or the stand-in, which says so by `standIn`. */
export function appOf(fleet: Fleet, service: string): NamedApp {
  const name = appNameOf(fleet.apps, serviceNamed(fleet, service))
  if (name === undefined) throw unknown("app", "standIn", Object.keys(fleet.apps))
  return appNamed(fleet, name)
}

/** The app with this name. Throws a Problem (exit code 2) that lists the known ones. */
export function appNamed(fleet: Fleet, name: string): NamedApp {
  const app = owned(fleet.apps, name)
  if (app) return { name, ...app }
  throw unknown("app", name, Object.keys(fleet.apps))
}

function unknown(kind: string, name: string, known: readonly string[]): Problem {
  const meant = closest(name, known)
  const some = known.length > 20 ? `${known.slice(0, 20).join(", ")} and ${known.length - 20} more` : known.join(", ")
  return wrongInput(`there is no ${kind} ${shown(name)}${meant ? `; did you mean ${meant}?` : ""}`, {
    fix: known.length > 0 ? `use one of ${some}` : `add it to fleet.yaml`,
  })
}
