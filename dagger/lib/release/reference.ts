import type { Fleet } from "../fleet/fleet.ts"
import { familyNamed } from "../fleet/hierarchy.ts"
import { digestSchema, labelSchema, spelled } from "../fleet/names.ts"
import { wrongInput } from "../problem.ts"
import { parseRegistry } from "./address.ts"
import type { RegistryAddress } from "./registry.ts"

const tagSchema = spelled({ pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, right: "a tag" })

/** An image that somebody named. */
export interface Reference {
  /** Where it is, if the reference says so. */
  address?: RegistryAddress
  family: string
  /** A tag or a digest. */
  name: string
}

/**
 * "127.0.0.1:5000/my-fleet/family-web:TAG", "…@sha256:…", or a family of the fleet with or without a tag. Without one it
 * is what is released now.
 */
export function parseReference(text: string, fleet: Fleet): Reference {
  const [path, digest] = text.split("@", 2) as [string, string | undefined]
  const slash = path.lastIndexOf("/")
  const [last, tag] = path.slice(slash + 1).split(":", 2) as [string, string | undefined]
  const name = digest ?? tag ?? "current"
  for (const check of [digest === undefined ? tagSchema.safeParse(name) : digestSchema.safeParse(name)])
    if (!check.success) throw wrong(check.error.issues[0]!.message)
  if (slash === -1) return { family: familyNamed(fleet, last).name, name }
  const family = labelSchema.safeParse(last)
  if (!family.success) throw wrong(family.error.issues[0]!.message)
  const where = path.slice(0, slash)
  if (!/^[^/]*[.:]|^localhost\//.test(where) || !where.includes("/")) throw wrong(`"${where}" names no registry`)
  return { address: parseRegistry(where, fleet.registry.org, "REF"), family: last, name }
}

const wrong = (what: string) =>
  wrongInput(what, {
    where: "REF",
    fix: 'write "host[:port]/organisation/family:tag", "…/family@sha256:…" or a family',
  })

/** "sha256:…" of a reference that names one. */
export const digestIn = (reference: string): string | undefined => /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1]
