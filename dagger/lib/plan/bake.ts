import type { Fleet } from "../fleet/fleet.ts"
import { imageNamed, inheritedArgs, lineage } from "../fleet/hierarchy.ts"
import type { AllInputs } from "./inputs.ts"

/** The part of a bake file that Fairlead writes. Source: docs.docker.com/build/bake/reference. */
export interface BakeTarget {
  context: string
  dockerfile: string
  contexts?: Record<string, string>
  args?: Record<string, string>
  labels?: Record<string, string>
  platforms: string[]
  attest?: string[]
  secret?: string[]
  output?: string[]
  "cache-from"?: string[]
  "cache-to"?: string[]
  "no-cache"?: boolean
}

export interface BakeFile {
  group: { default: { targets: string[] } }
  target: Record<string, BakeTarget>
}

export interface BakeOptions {
  /** Where the repository is for who runs bake: "." by hand, a mount in the toolbox. */
  root: string
  /** Families to build, in order; what they stand on comes along. */
  families: readonly string[]
  /** name of base -> context, such as "oci-layout:///bases/bookworm@sha256:…"; none leaves FROM as it is written. */
  bases: Readonly<Record<string, string>>
  /** name of base -> digest, for the labels. */
  baseDigests: Readonly<Record<string, string>>
  /** family -> the last commit that changed what it is made of. */
  revisions: Readonly<Record<string, string>>
  /** Secrets for bake: "id=ca,src=/run/secrets/ca". */
  secrets: readonly string[]
  noCache?: boolean
}

/** One bake file for the whole hierarchy: parents and builders are linked targets, so one solve builds each once. */
export function bakeFile(fleet: Fleet, inputs: AllInputs, options: BakeOptions): BakeFile {
  const target: Record<string, BakeTarget> = {}
  const add = (name: string) => {
    const own = inputs[name]
    if (!own || target[name]) return
    const image = imageNamed(fleet, name)
    const context = own.dockerfile.split("/").slice(0, -1).join("/") || "."
    target[name] = {
      context: at(options.root, context),
      dockerfile: own.dockerfile.split("/").at(-1)!,
      contexts: { ...contextsOf(fleet, own.needs, options.bases), ...appContext(image?.app, fleet, options.root) },
      args: { ...(image ? inheritedArgs(fleet, name) : {}), SOURCE_DATE_EPOCH: String(fleet.epoch) },
      ...(image ? { labels: labelsOf(fleet, name, options) } : {}),
      platforms: ["linux/amd64"],
      attest: [...noProvenance],
      ...(options.secrets.length > 0 ? { secret: [...options.secrets] } : {}),
      ...(options.noCache ? { "no-cache": true } : {}),
    }
    for (const need of own.needs) add(need)
  }
  for (const family of options.families) add(family)
  return { group: { default: { targets: [...options.families] } }, target }
}

// An attestation beside the image would make the archive's digest an index's, and it names the machine that built.
export const noProvenance = ["type=provenance,disabled=true"] as const

/** The text of a bake file; "${" and "%{" are data, and bake would take them as templates. */
export const bakeText = (file: BakeFile): string =>
  JSON.stringify(
    file,
    (_key, value) => (typeof value === "string" ? value.replace(/[$%]\{/g, (found) => found[0] + found) : value),
    2,
  )

/** Image name in a Dockerfile -> where bake takes it from: a linked target, or a base that was readied before. */
function contextsOf(fleet: Fleet, needs: readonly string[], bases: BakeOptions["bases"]): Record<string, string> {
  const contexts: Record<string, string> = {}
  for (const need of needs) {
    if (need in fleet.families || need in fleet.builders) contexts[need] = `target:${need}`
    const base = Object.entries(fleet.bases).find(([, each]) => each.image === need)?.[0]
    if (base && bases[base]) contexts[need] = bases[base]
  }
  return contexts
}

/** The folder with an app's code, as service.Dockerfile names it. */
function appContext(app: string | undefined, { apps }: Fleet, root: string): Record<string, string> {
  const path = app === undefined ? undefined : apps[app]?.path
  return path === undefined ? {} : { app: at(root, path) }
}

const labelsOf = (fleet: Fleet, family: string, options: BakeOptions): Record<string, string> => ({
  "org.opencontainers.image.created": new Date(fleet.epoch * 1000).toISOString().replace(".000Z", "Z"),
  "org.opencontainers.image.revision": options.revisions[family] ?? "unknown",
  "org.opencontainers.image.base.digest": options.baseDigests[footOf(fleet, family)] ?? "unknown",
  ...ownLabels(fleet, family),
})

/** The labels that follow from nothing but fleet.yaml. */
export function ownLabels(fleet: Fleet, family: string): Record<string, string> {
  const foot = footOf(fleet, family)
  const { app, parent, description } = imageNamed(fleet, family)!
  return {
    "org.opencontainers.image.base.name": fleet.bases[foot]?.image ?? foot,
    "dev.fairlead.fleet": fleet.name,
    "dev.fairlead.family": app ? parent! : family,
    ...(app
      ? {
          "org.opencontainers.image.title": family,
          "org.opencontainers.image.description": description,
          "dev.fairlead.app": app,
          "dev.fairlead.stand-in": String(fleet.apps[app]?.standIn === true),
        }
      : {}),
  }
}

/** The base at the foot of a family's line. */
export const footOf = (fleet: Fleet, family: string): string => lineage(fleet, family)[0]!.base!

const at = (root: string, path: string): string => (root === "." ? path : path === "." ? root : `${root}/${path}`)
