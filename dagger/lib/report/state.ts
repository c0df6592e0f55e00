import { imageNameOf } from "../fleet/apps.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { appImages, buildOrder, servicesOf } from "../fleet/hierarchy.ts"
import type { NamedService } from "../fleet/service.ts"
import { gates as known } from "../gates/table.ts"
import type { Accepted, Finding, Judged, Verdict } from "../gates/verdict.ts"
import type { GateRecord } from "../release/record.ts"
import type { Reproduction } from "../reproduce/answer.ts"
import { withAcceptances } from "../risks/accept.ts"
import type { Risk } from "../risks/risk.ts"

/** A verdict, or that none is known: no record, or one that cannot be read. Never taken for a PASS. */
export type Standing = Verdict | "NOT KNOWN"

/** What one gate said of one image. */
export interface GateState {
  name: string
  standing: Standing
  seconds?: number
  findings: Finding[]
  notes: Finding[]
  accepted: Accepted[]
  brief?: string
  facts: unknown
}

/** One release as reports tell it: a record, or what `ship` answers for a family. */
export interface Release {
  family: string
  digest: string
  size: { compressed: number; uncompressed: number }
  packages: number
  contents?: string
  gates: Record<string, GateRecord>
  /** When it was written, in UTC. */
  at?: string
  revision?: string
  tag?: string
  seconds?: number
  /** Why it was built; known only while shipping. */
  reason?: string
}

/** A family or an app image as reports tell it: what is declared, and what is known of its newest image. */
export interface FamilyState {
  family: string
  alias: string
  description: string
  parent?: string
  /** The app whose code is in it; absent for a family. */
  app?: string
  /** It has a Dockerfile. */
  buildable: boolean
  dockerfile?: string
  lock?: string
  standing: Standing
  gates: GateState[]
  budget: { compressed: number; uncompressed: number }
  services: NamedService[]
  /** The newest release; absent where there is no record. */
  release?: Release
  /** Those before it, the newest first. */
  before: Release[]
  /** What became of building a release again, if somebody did. */
  reproduction?: Reproduction
}

export interface FleetState {
  name: string
  now: Date
  /** In build order. */
  families: FamilyState[]
  hosts: string[]
  risks: readonly Risk[]
  /** What whoever ships should know about risks.yaml, a line each. */
  riskNotes: string[]
}

export interface Told {
  fleet: Fleet
  risks: readonly Risk[]
  now: Date
  /** Releases by family, the newest first. A family that is not there has none. */
  releases: ReadonlyMap<string, readonly Release[]>
  /** By family; none where nobody built a release again. */
  reproductions?: ReadonlyMap<string, Reproduction | undefined>
  /** Only these. Default: every family of the fleet. */
  only?: readonly string[]
  /** Default: none. */
  riskNotes?: string[]
}

/** The fleet as its records show it on this day. */
export function fleetState({ fleet, risks, now, releases, reproductions, only, riskNotes = [] }: Told): FleetState {
  const known = appImages(fleet).filter(({ name }) => releases.get(name)?.length)
  const names = [...Object.keys(fleet.families), ...known.map(({ name }) => name)]
  const families = buildOrder(fleet, names).filter(({ name }) => only?.includes(name) ?? true)
  const shown = new Set(families.map(({ name }) => name))
  return {
    name: fleet.name,
    now,
    risks,
    riskNotes,
    hosts: Object.keys(fleet.hosts),
    families: families.map((family): FamilyState => {
      const [release, ...before] = releases.get(family.name) ?? []
      const gates = gateStates(release, risks, now)
      return {
        family: family.name,
        alias: family.alias,
        description: family.description,
        parent: family.parent,
        ...(family.app === undefined ? {} : { app: family.app }),
        buildable: family.dockerfile !== undefined,
        dockerfile: family.dockerfile,
        lock: family.lock,
        standing: release ? worstOf(gates.map(({ standing }) => standing)) : "NOT KNOWN",
        gates,
        budget: family.budget,
        services: servicesOf(fleet, family.name).filter((service) => runsOn(fleet, service, shown) === family.name),
        release,
        before,
        reproduction: reproductions?.get(family.name),
      }
    }),
  }
}

/** The image that a service runs: its app's, where one was built, else its family's, which is all that is known of it. */
function runsOn(fleet: Fleet, service: NamedService, shown: ReadonlySet<string>): string {
  const image = imageNameOf(fleet, service)
  return shown.has(image) ? image : service.family
}

// From best to worst, as in verdict.ts; what is not known is worse than what was openly not looked at.
const order: readonly Standing[] = ["PASS", "ACCEPTED", "UNCHECKED", "NOT KNOWN", "FAIL", "ERROR"]

/** A set of standings is as good as its worst one; of nothing, nothing is known. */
export const worstOf = (standings: readonly Standing[]): Standing =>
  standings.length === 0 ? "NOT KNOWN" : standings.reduce((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a))

// As people read them; whatever else the table of gates has comes behind.
const reading = ["contract", "smoke", "audit", "scan", "sbom", "size"]

/** The names of gates in the order in which reports show them. */
export const gateOrder = (names: Iterable<string>): string[] => {
  const place = (name: string) => (reading.includes(name) ? reading.indexOf(name) : reading.length)
  return [...new Set(names)].sort((a, b) => place(a) - place(b))
}

/** Every gate of the table, and those that only the record has. */
export function gateStates(release: Release | undefined, risks: readonly Risk[], now: Date): GateState[] {
  const names = gateOrder([...known.map(({ name }) => name), ...Object.keys(release?.gates ?? {})])
  return names.map((name): GateState => {
    const gate = release?.gates[name]
    if (!release || !gate)
      return { name, standing: "NOT KNOWN", findings: [], notes: [], accepted: [], facts: undefined }
    const { seconds, findings, notes = [], accepted = [], brief, facts } = gate
    const state = { name, standing: readable(name, gate), seconds, findings, notes, accepted, brief, facts }
    return withoutLapsed(state, release, risks, now)
  })
}

/** Good news whose facts cannot be read any more is no news; bad news stays. */
function readable(name: string, { verdict, facts }: GateRecord): Standing {
  if (verdict !== "PASS" && verdict !== "ACCEPTED") return verdict
  try {
    known.find((each) => each.name === name)?.recall(facts)
    return verdict
  } catch {
    return "NOT KNOWN"
  }
}

/** A record tells what was accepted on its day; what today's risks.yaml does not let pass any more is a finding again. */
function withoutLapsed(gate: GateState, { family, contents }: Release, risks: readonly Risk[], now: Date): GateState {
  // What was shipped just now was held to today's risks.yaml just now.
  if (gate.accepted.length === 0 || contents === undefined) return gate
  const whole = gate.accepted.map((each): Finding => {
    const risk = each.risk ?? { ids: [each.id], package: each.package, kind: "other" }
    return { what: each.what, evidence: `was accepted by ${each.by} until ${each.reviewBy}`, risk }
  })
  const judged: Judged = { verdict: "FAIL", facts: {}, findings: whole }
  const { findings: lapsed, accepted = [] } = withAcceptances(judged, risks, { family, contents, now })
  if (lapsed.length === 0) return gate
  return {
    ...gate,
    standing: worstOf([gate.standing, "FAIL"]),
    brief: undefined,
    findings: [...gate.findings, ...lapsed],
    accepted,
  }
}
