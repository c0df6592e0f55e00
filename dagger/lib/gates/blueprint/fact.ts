import type { Allow, NamedFamily } from "../../fleet/family.ts"
import { inheritedAllow, inheritedFrozen, inheritedPackages, lineage, usesGpu } from "../../fleet/hierarchy.ts"
import type { ImagePolicy } from "../../fleet/policy.ts"
import type { Config } from "../archive.ts"
import type { Rules } from "../gate.ts"
import type { Inside, Some } from "../inside.ts"
import { type Origin, originOf } from "../origin.ts"

/** What was found of a fact, and what is wrong with it if anything is. */
export interface Found {
  evidence: string
  wrong?: { what: string; where?: string; fix: string }
}

/** One fact of the blueprint, as a row of data. */
export interface Fact {
  /** Short and stable: it is how findings and records name the fact. */
  id: string
  /** What is wanted, as a sentence about the image. */
  says: string
  /** Facts of the config can be checked in an image without Python, those of the files cannot. */
  judge: { of: "config"; see(config: Config): Found } | { of: "files"; see(inside: Inside, config: Config): Found }
}

/** What the blueprint wants of one family: its own rules and those of all that it stands on. */
export interface Wanted {
  rules: Rules
  image: ImagePolicy
  family: NamedFamily
  line: NamedFamily[]
  allow: Allow
  frozen: Record<string, string>
  modules: string[]
  gpu: boolean
  origin: Origin
}

export function wantedOf(rules: Rules): Wanted {
  const { fleet, family } = rules
  const line = lineage(fleet, family)
  return {
    rules,
    line,
    image: fleet.policy.image,
    family: line.at(-1)!,
    allow: inheritedAllow(fleet, family),
    frozen: inheritedFrozen(fleet, family),
    modules: inheritedPackages(fleet, family),
    gpu: usesGpu(fleet, family),
    origin: originOf(rules),
  }
}

export const ofConfig = (id: string, says: string, see: (config: Config) => Found): Fact => ({
  id,
  says,
  judge: { of: "config", see },
})

export const ofFiles = (id: string, says: string, see: (inside: Inside, config: Config) => Found): Fact => ({
  id,
  says,
  judge: { of: "files", see },
})

/** Evidence for a list that has to be empty. */
export const noneOf = (things: readonly string[], wrong: () => NonNullable<Found["wrong"]>): Found =>
  things.length === 0 ? { evidence: "none" } : { evidence: things.join(", "), wrong: wrong() }

/** "a, b, c and 4 more". */
export const named = (things: readonly string[], count = things.length): string => {
  const shown = things.slice(0, 3)
  const more = count - shown.length
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "")
}

export const examples = (some: Some): string => named(some.examples, some.count)

/** A line that installs Python packages. */
export const installs = /\buv\b|\bpip\b|requirements|\.lock/

/** The RUN line that has to do with something, else any RUN line, else the Dockerfile. */
export const run = (origin: Origin, about: RegExp): string | undefined => origin.set("RUN", about) ?? origin.file()

/** Matches any of these words as a whole, whatever characters they have. */
export const anyOf = (words: readonly string[]): RegExp =>
  new RegExp(
    `(?<![A-Za-z0-9_.-])(?:${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})(?![A-Za-z0-9_])`,
  )
