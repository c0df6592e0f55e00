import { shown } from "../shown.ts"
import { didYouMean, orAlias } from "./hierarchy.ts"
import type { Complaint, Draft } from "./rule.ts"

/** What a service names is there. */
export function* servicesNameWhatExists({ services, families, hosts, apps }: Draft): Iterable<Complaint> {
  for (const [name, { family, hosts: on, app, needs }] of services) {
    const path = ["services", name]
    if (!families.names.has(family)) {
      const hint = orAlias(family, families) ?? didYouMean(family, families.names)
      yield { path: [...path, "family"], what: `there is no family ${shown(family)}${hint}` }
    }
    for (const [index, host] of on.entries()) {
      if (!hosts.names.has(host)) {
        yield {
          path: [...path, "hosts", index],
          what: `there is no host ${shown(host)}${didYouMean(host, hosts.names)}`,
        }
      }
    }
    if (app !== undefined && !apps.names.has(app)) {
      yield { path: [...path, "app"], what: `there is no app ${shown(app)}${didYouMean(app, apps.names)}` }
    }
    yield* repeated([...path, "hosts"], on)
    yield* repeated([...path, "needs"], needs)
  }
}

function* repeated(path: Complaint["path"], values: readonly string[]): Iterable<Complaint> {
  for (const [index, value] of values.entries()) {
    if (values.indexOf(value) < index) yield { path: [...path, index], what: `${value} stands there twice; keep one` }
  }
}

/** Every service has an app: its own, or the one stand-in. */
export function* servicesHaveAnApp({ services, apps }: Draft): Iterable<Complaint> {
  const standIns = [...apps].filter(([, { standIn }]) => standIn).map(([name]) => name)
  const [first, ...others] = standIns
  for (const other of others) {
    yield { path: ["apps", other, "standIn"], what: `apps.${first} is the stand-in already; keep one of the two` }
  }
  // A broken app may be the missing stand-in: it is complained about already.
  if (first !== undefined || apps.size < apps.names.size) return
  for (const [name, { app }] of services) {
    if (app === undefined) {
      yield {
        path: ["services", name, "app"],
        what: "is missing, and no app is marked standIn: true to run in its place",
      }
    }
  }
}
