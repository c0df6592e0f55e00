import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Rules } from "../gates/gate.ts"
import type { Risk } from "../risks/risk.ts"
import type { Fleet } from "./fleet.ts"
import { lineage } from "./hierarchy.ts"

/** A checked-out fleet. */
export interface Repository {
  root: string
  fleet: Fleet
}

/** What verdicts on a family rest on: the fleet, the texts of its line's Dockerfiles and locks, accepted risks, the day. */
export async function rulesFor(
  { root, fleet, risks, now }: Repository & { risks: readonly Risk[]; now: Date },
  families: readonly string[],
  machine?: string,
): Promise<(family: string) => Rules> {
  const line = new Map(families.flatMap((family) => lineage(fleet, family).map((each) => [each.name, each] as const)))
  const texts = async (paths: (string | undefined)[]): Promise<Record<string, string>> =>
    Object.fromEntries(
      await Promise.all(
        paths
          .filter((path) => path !== undefined)
          .map(async (path) => [path, await readFile(join(root, path), "utf8")]),
      ),
    )
  const dockerfiles = await texts([...line.values()].map(({ dockerfile }) => dockerfile))
  const locks = await texts([...line.values()].map(({ lock }) => lock))
  return (family) => {
    const own = lineage(fleet, family)
    return {
      fleet,
      family,
      machine,
      dockerfiles: only(
        dockerfiles,
        own.map(({ dockerfile }) => dockerfile),
      ),
      locks: only(
        locks,
        own.map(({ lock }) => lock),
      ),
      risks,
      now,
    }
  }
}

const only = (texts: Record<string, string>, paths: (string | undefined)[]): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).filter(([path]) => paths.includes(path)))
