import type { NamedHost } from "../../fleet/named.ts"
import type { NamedService } from "../../fleet/service.ts"
import type { HostFacts } from "./facts.ts"

/** "unknown": nobody could look, or looking is not enough to tell. It is never shown as ok, and fails nothing. */
export type CheckState = "ok" | "failed" | "unknown"

export interface Answer {
  state: CheckState
  /** What was seen. */
  evidence: string
  fix?: string
}

export interface Checked extends Answer {
  check: string
}

/** One question about a host. Pure: what was seen and what is wanted in, an answer out. */
export interface HostCheck {
  readonly name: string
  /** Undefined where the host has nothing that asks for it. */
  judge(facts: HostFacts, wanted: Wanted): Answer | undefined
}

/** What the fleet wants of a host. */
export interface Wanted {
  fleet: string
  host: NamedHost
  services: WantedService[]
  images: WantedImage[]
  registry: WantedRegistry
}

export interface WantedService extends NamedService {
  /** It runs the stand-in: what the service needs, nobody uses yet. */
  standIn: boolean
}

export interface WantedImage {
  name: string
  /** By the newest record; undefined where there is none. */
  known?: { digest: string; layers: { digest: string; compressed: number; uncompressed: number }[] }
  /** What fleet.yaml allows it, for as long as there is no record. */
  budget: { compressed: number; uncompressed: number }
}

export interface WantedRegistry {
  host: string
  /** On the loopback of the machine that deploys: hosts reach it by a tunnel only. */
  loopback: boolean
  /** A loopback registry answers there. */
  answers?: boolean
}

export const ok = (evidence: string): Answer => ({ state: "ok", evidence })
export const failed = (evidence: string, fix: string): Answer => ({ state: "failed", evidence, fix })
export const unknown = (evidence: string, fix?: string): Answer => ({ state: "unknown", evidence, ...(fix && { fix }) })

/** What a registry answers on /v2/, to whoever asks: yes, or "log in". */
export const isRegistrys = (status: number): boolean => status === 200 || status === 401 || status === 403

export const nobodyAsked = (registry: string, host: string): Answer =>
  unknown(`nobody asked ${registry}: ${host} has neither curl nor python3`, "install curl there")

/** "26.1.5+dfsg1" is at least 23.0, component by component. */
export function atLeast(version: string, wanted: string): boolean {
  const numbers = (text: string) => (/\d+(?:\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number)
  const [have, want] = [numbers(version), numbers(wanted)]
  for (const [index, part] of want.entries()) {
    const own = have[index] ?? 0
    if (own !== part) return own > part
  }
  return true
}

/** "a, b, c and 4 more". */
export const few = (names: readonly string[], most = 4): string =>
  names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", ")
