import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import type { HostContainer, HostLook, Snapshot } from "../../../dagger/lib/rollout/host/look.ts"
import { changed } from "../fleet/small.ts"

/** Host "two" of it runs FirstService and SecondService. */
export const fleet = parseFleet(changed())

export const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`
export const image = (letter: string, name = "stand-in-p"): string => `127.0.0.1:5000/small/${name}@${digestOf(letter)}`

export const run = "0a0a0a"
export const definition = "d".repeat(12)

export const container = (name: string, more: Partial<HostContainer> = {}): HostContainer => ({
  ...{ name, state: "running", health: "healthy", service: "FirstService", run, definition, tag: "20261122-abc1234" },
  ...{ exitCode: 0, restarts: 0, startedAt: "2026-11-22T10:00:00Z", outOfMemory: false, image: image("a") },
  ...more,
})

export const snapshot = (seq: number, images: Record<string, string>): Snapshot => ({
  seq,
  services: Object.entries(images).map(([svc, image]) => ({ svc, definition, image, tag: "20261122-abc1234" })),
})

const both = { first_service: image("a"), second_service: image("a") }

/** As it was deployed. */
export function look(more: Partial<HostLook> = {}): HostLook {
  const kept = more.kept ?? [snapshot(1, both)]
  return {
    ...{ host: "two", docker: "26.1.5", freeBytes: 60e9, others: [], images: [image("a")], open: [], timings: {} },
    containers: [container("first_service"), container("second_service", { service: "SecondService" })],
    good: [`first_service.${run}`, `second_service.${run}`],
    snapshots: kept.map(({ seq, services }) => ({ seq, run, tag: "20261122-abc1234", services: services.length })),
    runs: [run],
    definitions: [`first_service.${definition}`, `second_service.${definition}`],
    kept,
    ...more,
  }
}
