import { children, lineage } from "../fleet/hierarchy.ts"
import { appOf, hostNamed } from "../fleet/named.ts"
import { owned, snakeName } from "../fleet/names.ts"
import { waveOf } from "../fleet/waves.ts"
import { normalName } from "../gates/blueprint/version.ts"
import { packagesOf } from "../release/packages.ts"
import type { ImageRecord } from "../release/record.ts"
import { matchesId } from "../risks/match.ts"
import { unseen } from "../risks/shown.ts"
import type { AnswerOf } from "./answer.ts"
import { allShown, imageOf, type Known, newest, servicesOn, shownAnswer, standing } from "./known.ts"

/** A service by its name, also as its containers carry it. */
export function asService(word: string, known: Known): AnswerOf<"service"> | undefined {
  const { fleet } = known
  const name = owned(fleet.services, word) ? word : Object.keys(fleet.services).find((each) => snakeName(each) === word)
  const service = name === undefined ? undefined : owned(fleet.services, name)
  if (name === undefined || !service) return undefined
  const { family, hosts, port, healthPort, needs, gpus } = service
  const app = appOf(fleet, name)
  const record = newest(known).get(family)
  return {
    kind: "service",
    service: name,
    container: snakeName(name),
    family,
    places: hosts.map((host) => {
      return { host, address: hostNamed(fleet, host).address, wave: waveOf(fleet, { name, ...service }, host) }
    }),
    port,
    healthPort,
    needs,
    gpus,
    app: { name: app.name, ...(app.path ? { path: app.path } : {}), standIn: app.standIn },
    ...(record ? { image: imageOf(record, known) } : {}),
    deployed: deployedOf(name, known),
  }
}

const deployedOf = (name: string, { operations = [] }: Known): AnswerOf<"service">["deployed"] =>
  operations.flatMap(({ yard, rolledOut }) =>
    rolledOut.filter((each) => each.service === name).map(({ service: _, ...each }) => ({ yard, ...each })),
  )

/** A family by its name or alias. */
export function asFamily(word: string, known: Known): AnswerOf<"family"> | undefined {
  const { fleet } = known
  const name = owned(fleet.families, word)
    ? word
    : Object.keys(fleet.families).find((each) => fleet.families[each]?.alias === word)
  const family = name === undefined ? undefined : owned(fleet.families, name)
  if (name === undefined || !family) return undefined
  const line = lineage(fleet, name)
  const base = line[0]?.base
  const record = newest(known).get(name)
  return {
    kind: "family",
    family: name,
    alias: family.alias,
    description: family.description,
    line: line.map((each) => each.name),
    ...(base ? { base } : {}),
    children: children(fleet, name).map((each) => each.name),
    buildable: family.dockerfile !== undefined,
    services: servicesOn(fleet, name),
    ...(record ? { image: imageOf(record, known) } : {}),
    risks: standing(known, (risk) => Object.hasOwn(risk.families, name)),
  }
}

/** A package that some newest record says is installed, or that a finding or an acceptance names. */
export function asPackage(word: string, known: Known): AnswerOf<"package"> | undefined {
  const wanted = normalName(word)
  const same = (name: string) => normalName(name) === wanted
  const records = newest(known)
  const found = [...records.values()].flatMap((record) =>
    (packagesOf(record) ?? [])
      .filter(({ name }) => same(name))
      .map(({ kind, name, version }) => {
        return { family: record.family, kind, name, version, services: servicesOn(known.fleet, record.family) }
      }),
  )
  const advisories = allShown(known)
    .filter(({ risk }) => same(risk.package))
    .map(shownAnswer)
  const risks = standing(known, (risk) => same(risk.package))
  if (found.length + advisories.length + risks.length === 0) return undefined
  const told = (family: string) => records.has(family) && packagesOf(records.get(family)!) !== undefined
  return {
    kind: "package",
    package: found[0]?.name ?? word,
    found,
    hosts: [...new Set(found.flatMap(({ services }) => services.flatMap(({ hosts }) => hosts)))],
    advisories,
    risks,
    unknown: Object.keys(known.fleet.families).filter((family) => !told(family)),
  }
}

/** A weakness by any of its names. */
export function asAdvisory(word: string, known: Known): AnswerOf<"advisory"> | undefined {
  if (word === "*") return undefined
  const shown = allShown(known).filter(({ risk }) => matchesId(word, risk.ids))
  const ids = [...new Set(shown.flatMap(({ risk }) => risk.ids))]
  const risks = standing(known, (risk) => risk.id !== "*" && (matchesId(risk.id, ids) || matchesId(risk.id, [word])))
  if (shown.length + risks.length === 0) return undefined
  return {
    kind: "advisory",
    id: ids.find((each) => each.toLowerCase() === word.toLowerCase()) ?? risks[0]?.id ?? word,
    ids: ids.length > 0 ? ids : [risks[0]!.id],
    found: shown.map((each) => ({ ...shownAnswer(each), services: servicesOn(known.fleet, each.family) })),
    risks,
    unchecked: unchecked(known),
  }
}

/** Families whose newest record cannot say that a weakness is not there. */
export const unchecked = (known: Known): string[] => {
  const records = newest(known)
  return Object.keys(known.fleet.families).flatMap((family) => {
    const record = records.get(family)
    const why = record ? unseen(record) : "no record"
    return why ? [`${family} (${why})`] : []
  })
}

/** What begins with these hex digits: an image, a package table, a fingerprint, the commit that made an image; or a tag. */
export function asDigest(word: string, known: Known): AnswerOf<"digest">[] {
  const [, prefixed, hex = ""] = /^(sha256:)?([0-9a-f]{7,64})$/i.exec(word) ?? []
  const starts = (text: string) => hex !== "" && text.replace(/^sha256:/, "").startsWith(hex.toLowerCase())
  const of = ({ family, digest, contents, fingerprint, revision }: ImageRecord) => [
    ...(starts(digest) ? [{ of: "image" as const, digest }] : []),
    ...(starts(contents) ? [{ of: "packages" as const, digest: contents }] : []),
    ...(!prefixed && starts(fingerprint) ? [{ of: "fingerprint" as const, digest: fingerprint }] : []),
    ...(!prefixed && starts(revision) ? [{ of: "commit" as const, digest: revision }] : []),
    ...(known.releases.some((each) => each.family === family && each.digest === digest && each.tag === word)
      ? [{ of: "tag" as const, digest: word }]
      : []),
  ]
  const last = newest(known)
  return known.records.flatMap((record) => {
    const { family } = record
    const image = imageOf(record, known)
    return of(record).map((each) => {
      return { kind: "digest" as const, ...each, family, newest: last.get(family) === record, image }
    })
  })
}
