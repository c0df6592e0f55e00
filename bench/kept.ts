import { readFile, rename, writeFile } from "node:fs/promises"
import { type BuildCase, competing, leafAlone } from "./builds.ts"
import type { Results } from "./page.ts"

/** What an earlier run kept in a file, to go on from; nothing measured where there is no file. */
export async function kept(file: string | undefined, flags: Results["flags"]): Promise<Results> {
  const none: Results = { machines: [], flags, builds: [], plans: [], deploys: [] }
  const text = file && (await readFile(file, "utf8").catch(() => undefined))
  return text ? { ...(JSON.parse(text) as Results), flags } : none
}

/** Writes every figure down, whole or not at all. */
export async function keep(file: string | undefined, results: Results): Promise<void> {
  if (!file) return
  await writeFile(`${file}.new`, `${JSON.stringify(results, null, 1)}\n`)
  await rename(`${file}.new`, file)
}

/** What of the build cases is still to be measured, and from which round on; what a round that was cut off left is dropped. */
export function openBuilds(
  results: Results,
  among: readonly BuildCase[],
  wanted: readonly string[],
): { cases: BuildCase[]; from: number } {
  const { rounds } = results.flags
  const whole = (which: BuildCase) => {
    const who = [...competing(which), ...(which === "leaf" ? Object.values(leafAlone) : [])]
    return Math.min(
      ...who.map((name) => results.builds.filter((each) => each.case === which && each.who === name).length),
    )
  }
  const cases = among.filter((each) => wanted.includes(each) && whole(each) < rounds)
  const from = Math.min(rounds, ...cases.map(whole))
  results.builds = results.builds.filter((each) => !cases.includes(each.case) || each.round < from)
  return { cases, from }
}

/** Sizes that were not deployed as often as is asked for; what was measured of them is dropped. */
export function openDeploys(results: Results): number[] {
  const { services, rounds } = results.flags
  const whole = (count: number) =>
    results.deploys.filter((each) => each.services === count && each.changed === "all").length >= rounds
  const open = services.filter((count) => !whole(count))
  results.deploys = results.deploys.filter(({ services: count }) => !open.includes(count))
  return open
}
