import { appImageName } from "../apps.ts"
import { humanBytes } from "../bytes.ts"
import { labelSchema } from "../names.ts"
import type { Complaint, Draft } from "./rule.ts"

/** An app image has a name of its own: it becomes a bake target and a repository in the registry. */
export function* appImagesHaveNames({ services, families, apps, bases, builders }: Draft): Iterable<Complaint> {
  const aliases = new Map([...families].map(([name, { alias }]) => [alias, name]))
  const standIn = [...apps].find(([, app]) => app.standIn)?.[0]
  const owner = new Map<string, string>()
  for (const [name, service] of services) {
    const app = service.app ?? standIn
    const family = families.get(service.family)
    if (app === undefined || !family || apps.get(app)?.path === undefined) continue
    const image = appImageName(app, family)
    const pair = `apps.${app} on ${service.family}`
    const path = ["services", name, service.app === undefined ? "family" : "app"]
    const other = owner.get(image)
    if (other === pair) continue
    const taken =
      other ??
      (families.names.has(image) ? `families.${image}` : undefined) ??
      (aliases.has(image) ? `the alias of families.${aliases.get(image)}` : undefined) ??
      (bases.names.has(image) ? `bases.${image}` : builders.names.has(image) ? `builders.${image}` : undefined)
    if (taken !== undefined) {
      yield { path, what: `the image of ${pair} would be called ${image}, as is ${taken}; rename the app` }
    } else if (!labelSchema.safeParse(image).success) {
      yield {
        path,
        what: `the image of ${pair} would be called ${image}, and names have 63 characters; rename the app`,
      }
    }
    owner.set(image, other ?? pair)
  }
}

/** What an app brings besides a command needs an image of its own, and its lock comes with its code. */
export function* appsBringTheirParts({ apps }: Draft): Iterable<Complaint> {
  for (const [name, { path, lock, volumes, budget }] of apps) {
    const at = ["apps", name]
    if (path === undefined) {
      for (const [key, given] of Object.entries({ lock, budget, volumes: Object.keys(volumes)[0] })) {
        if (given === undefined) continue
        // Docker gives a new volume the owner of the folder that it covers, and a family has no such folder.
        yield { path: [...at, key], what: `needs an image of the app's own; give apps.${name} a path` }
      }
    } else if (lock !== undefined && !lock.startsWith(`${path}/`)) {
      yield { path: [...at, "lock"], what: `${lock} is not in the app's folder; move it into ${path}` }
    }
    if (budget && budget.compressed > budget.uncompressed) {
      const what = `${humanBytes(budget.compressed)} is more than the uncompressed ${humanBytes(budget.uncompressed)}; swap the two`
      yield { path: [...at, "budget", "compressed"], what }
    }
  }
}

/** Mounts cover nothing that an image or the pipeline puts there, and not each other. */
export function* mountsFit({ apps }: Draft): Iterable<Complaint> {
  for (const [name, { volumes, binds, tmpfs }] of apps) {
    const taken = new Map(covered.map((path) => [path, "the image or Fairlead"]))
    const mounts = [
      ...Object.entries(volumes).map(([key, target]) => ({ path: ["apps", name, "volumes", key], target })),
      ...Object.entries(binds).map(([key, target]) => ({ path: ["apps", name, "binds", key], target })),
      ...tmpfs.map((target, index) => ({ path: ["apps", name, "tmpfs", index], target })),
    ]
    for (const { path, target } of mounts) {
      const system = systemFolders.find((folder) => target === folder || target.startsWith(`${folder}/`))
      const by = taken.get(target) ?? (system && "the system")
      if (by !== undefined) yield { path, what: `${target} belongs to ${by}; mount it elsewhere` }
      taken.set(target, "another mount of the app")
    }
    for (const source of Object.keys(binds)) {
      if (!/\/docker\.sock$/.test(source)) continue
      yield { path: ["apps", name, "binds", source], what: "is Docker's socket; write needs: [docker] at the service" }
    }
  }
}

const covered = ["/app", "/tmp", "/etc/machine-profile.json"]
const systemFolders = ["/bin", "/boot", "/dev", "/lib", "/lib64", "/opt/venv", "/proc", "/sbin", "/sys", "/usr"]

/** The observability receiver runs on one host. */
export function* oneObserver({ hosts }: Draft): Iterable<Complaint> {
  const [first, ...others] = [...hosts].filter(([, { observability }]) => observability).map(([name]) => name)
  for (const other of others) {
    yield { path: ["hosts", other, "observability"], what: `hosts.${first} has it already; keep one of the two` }
  }
}
