import { z } from "zod"
import { fairleadRoot } from "../cli/version.ts"
import type { Arena } from "./arena.ts"
import { type Competitor, type Extra, runs } from "./competitor.ts"
import { type BuildFleet, leafApp } from "./fleet.ts"
import { covered, type Interval } from "./statistics.ts"

/** `./fairlead ship`, as people and CI call it: it starts BuildKit and stops it, runs every gate, signs. */
export class Fairlead implements Competitor {
  readonly name = "Fairlead"
  constructor(
    readonly arena: Arena,
    private readonly fleet: BuildFleet,
  ) {}

  standBy = async () => {}

  /** The tag is its own: day and commit. */
  ship = (): Promise<Extra> => {
    const { families, apps } = this.fleet
    return this.run([...families.flatMap((name) => ["--family", name]), ...apps.flatMap((name) => ["--app", name])])
  }

  /** What one image takes, gates and record included: the floor for a run in which nothing else changed. */
  leafAlone = (): Promise<Extra> => this.run(["--app", leafApp])

  private async run(named: readonly string[]): Promise<Extra> {
    const heard: { at: number; line: string }[] = []
    const started = performance.now()
    const stdout = await runs([`${fairleadRoot}/fairlead`, "ship", "--json", "--advisories", "none", ...named], {
      cwd: this.fleet.checkout.root,
      env: this.arena.env,
      onLine: (line) => heard.push({ at: (performance.now() - started) / 1000, line }),
    })
    const report = shipped.parse(JSON.parse(stdout))
    return {
      gates: covered(gatesHeard(report, heard)),
      built: report.families.filter(({ reused }) => !reused).length,
    }
  }
}

/** As much of docs/schema/ship.schema.json as is needed here. */
const shipped = z.looseObject({
  families: z.array(
    z.looseObject({
      family: z.string(),
      reused: z.boolean(),
      gates: z.record(z.string(), z.looseObject({ seconds: z.number() })),
    }),
  ),
})

/** When each gate ran: it ended when its line came, and the report says how long it took. */
export function gatesHeard(
  { families }: z.infer<typeof shipped>,
  heard: readonly { at: number; line: string }[],
): Interval[] {
  return heard.flatMap(({ at, line }) => {
    const [, family = "", gate = ""] = /^ {2}(\S+) (\S+) /.exec(line) ?? []
    const ran = families.find((each) => each.family === family)?.gates[gate]
    return ran ? [{ from: at - ran.seconds, to: at }] : []
  })
}
