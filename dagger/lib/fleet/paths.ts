import { readlinkSync, realpathSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import type { Fleet } from "./fleet.ts"
import type { Complaint } from "./rules/rule.ts"

/** Paths of a fleet that lead out of its folder through symbolic links; the grammar has refused every other way out. */
export function pathsThatLeave(folder: string, fleet: Fleet): Complaint[] {
  const root = realpathSync.native(folder)
  const complaints: Complaint[] = []
  for (const { path, value } of pathsOf(fleet)) {
    const real = whereItLeads(join(root, value))
    if (real === root || real.startsWith(root + sep)) continue
    complaints.push({
      path,
      what: `${value} is a link out of the repository, to ${relative(root, real)}; keep it inside`,
    })
  }
  return complaints
}

function* pathsOf({ families, builders, apps, policy }: Fleet): Iterable<{ path: string[]; value: string }> {
  const sections: Record<string, Record<string, { dockerfile?: string; lock?: string; path?: string }>> = {
    families,
    builders,
    apps,
  }
  for (const [section, entries] of Object.entries(sections)) {
    for (const [name, { dockerfile, lock, path }] of Object.entries(entries)) {
      for (const [key, value] of Object.entries({ dockerfile, lock, path })) {
        if (value !== undefined) yield { path: [section, name, key], value }
      }
    }
  }
  for (const [key, value] of Object.entries(policy.signing?.sigstore ?? {}))
    if (value !== undefined) yield { path: ["policy", "signing", "sigstore", key], value }
}

// A lock that has yet to be made has no real path, but the folder that it will be made in has; and a link to nothing
// would be followed by whoever writes it. The count ends a circle of links.
function whereItLeads(path: string, links = 0): string {
  try {
    return realpathSync.native(path)
  } catch {
    const target = linkAt(path)
    if (target !== undefined && links < 40) return whereItLeads(resolve(dirname(path), target), links + 1)
    return dirname(path) === path ? path : whereItLeads(dirname(path), links)
  }
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
