import { type BuildCase, type BuildSample, imagesIn, leafAlone } from "./builds.ts"
import type { DeploySample } from "./deploys.ts"
import { wholeApps } from "./fleet.ts"
import { goalRows } from "./goals.ts"
import type { PlanSample } from "./planning.ts"
import { summary } from "./statistics.ts"
import { markdownTable, megabytes, ratio, seconds } from "./table.ts"

/** Everything that one run measured, or several that went on from each other. */
export interface Results {
  /** For each run, what figures depend on. */
  machines: Record<string, string>[]
  flags: { rounds: number; case: readonly string[]; families: readonly number[]; services: readonly number[] }
  builds: BuildSample[]
  plans: PlanSample[]
  deploys: DeploySample[]
}

/** docs/benchmarks.md: figures that were measured, and nothing else. */
export const pageOf = (results: Results): string => `# Benchmarks

Written by \`npm run bench\`: every figure here was measured by it, all competitors of a case in turn, round after round; a case that was
not run is not here. \`min\` is what the machine can do, \`median\` what it did; the ratios are of medians. Where a row has several
values, the run was cut off and went on later.

${markdownTable(["what", "was"], machineRows(results.machines))}

${tablesOf(results)}
## Again

\`\`\`sh
${commandOf(results.flags)}
\`\`\`

\`npm run bench -- --help\` has the rest: fewer rounds, one case, other sizes. All with five rounds takes some hours on two cores;
\`--keep FILE\` goes on where a run was cut off. It makes a network, a registry and a BuildKit for each competitor and a demo yard, and
removes them at the end, also after Ctrl-C. Nothing else's cache is touched, and nothing else should run meanwhile: look at the load in the table above.
`

const machineRows = (machines: Results["machines"]): string[][] =>
  [...new Set(machines.flatMap((each) => Object.keys(each)))].map((name) => [
    name,
    [...new Set(machines.map((each) => each[name] ?? "none"))].join("; "),
  ])

export function tablesOf(results: Results): string {
  const cases = [...new Set(results.builds.map((each) => each.case))]
  const goals = goalRows(results)
  return [
    goals.length > 0
      ? `## Goals\n\n${markdownTable(["goal", "wanted", "measured", "held"], goals)}\n\n${goalsNote}\n`
      : "",
    cases.length > 0 ? `${buildIntroduction(cases)}\n` : "",
    ...cases.map((which) => buildSection(which, results.builds)),
    results.plans.length > 0 ? planSection(results.plans) : "",
    results.deploys.length > 0 ? deploySection(results.deploys) : "",
  ]
    .filter(Boolean)
    .join("\n")
}

const goalsNote = `These images are small: a leaf is half a second of BuildKit's. What Fairlead does beside building (gates, an SBOM, a signed record,
a BuildKit that is started and stopped) takes as long whatever the build took, so a fleet whose images build for minutes has other ratios.
The goals were written for tools that do the same. The plain loop and bake do nothing but build and push; "loop with checks" is the loop
with the least that CI files add for each image (start it, list it, sign it), which is still less than Fairlead looks at. Both are here.`

const wholeFleet = `; of "the whole fleet" ${wholeApps} apps, as many as the blueprint has services, and bake has no registry cache there: with one for
each of so many targets BuildKit comes to no end`

const buildIntroduction = (cases: readonly BuildCase[]) => `## From sources to a registry

The same ${imagesIn("cold")} images of the same commit: four families in a line (base-python, base-utils, base-cpu-pydeps, family-web) and an image
for each of three apps${cases.some((each) => each.startsWith("whole-")) ? wholeFleet : ""}. Each competitor has a BuildKit, a volume for its cache and a registry to itself, all of the toolbox's versions and alike; who begins changes from round to round.

| | loop | loop with checks | bake | Fairlead |
|---|---|---|---|---|
| is | \`docker buildx build --push\` for one image after another, as the blueprint sketches it | the same, and what a CI file's author adds by hand, one image after another | \`docker buildx bake\` on the targets that Fairlead would use | \`./fairlead ship\` |
| parents | pulled by tag from the registry | the same | linked targets | the released image, by digest |
| registry cache | \`mode=max\`, both ways, a ref for each image | the same | the same | the same, a ref for each image and builder (\`policy.registryCache.use: on\`) |
| BuildKit | runs before the clock starts, and goes on | the same | the same | started and stopped by each run that needs it, on the clock |
| layers | gzip, times as they fall | the same | the same | zstd, one epoch: the same bytes each time |
| also does | nothing | starts each image, \`syft\`, \`cosign sign\`, \`cosign attest\` of the SBOM | nothing | runs every gate on each new image, describes it (SBOM), writes and signs a record, moves tags so that the way back stays |

No advisories were asked (\`--advisories none\`): the two gates that read them say UNCHECKED and take no time. "Without gates" is the same
run less the seconds in which at least one gate ran; "requests" are all that the competitor's registry was asked, "pushed" and "pulled"
what crossed its network interface. Memory is what the client's processes held; containers and BuildKit are not in it.`

const stories: Record<BuildCase, string> = {
  cold: "### Cold\n\nNo build cache, an empty registry, no records.",
  nothing:
    "### Nothing changed\n\nA commit that changes no image, on a machine that built them before: each image gets the commit's tag.",
  again: "### Nothing changed, the same commit again\n\nAs when a job is started once more: the tags are there, too.",
  "whole-nothing": `### Nothing changed, the whole fleet\n\nA commit that changes none of ${imagesIn("whole-nothing")} images.`,
  "whole-again": `### Nothing changed, the whole fleet, the same commit again\n\n${imagesIn("whole-again")} images.`,
  leaf: '### One leaf changed\n\nOne line of one app\'s code. "That leaf alone" is `docker buildx build --push` of this one image, no gate and no record; "Fairlead, that leaf alone" is `./fairlead ship --app` of it: what is more than that is what six unchanged images cost.',
  base: "### Base changed\n\nOne line of a file in the image on which all others stand.",
  fresh:
    "### Fresh runner, one leaf changed\n\nNo build cache and no records, as on a CI runner that was just started; the registry has everything of the run before.",
}

function buildSection(which: BuildCase, all: readonly BuildSample[]): string {
  const samples = all.filter((each) => each.case === which)
  const by = (who: string) => samples.filter((each) => each.who === who)
  const medianOf = (who: string) => (by(who).length > 0 ? summary(by(who).map((each) => each.seconds)).median : 0)
  const row = (who: string, name: string, taken: (sample: BuildSample) => number): string[] => {
    const took = summary(by(who).map(taken))
    const middle = (of: (sample: BuildSample) => number) => summary(by(who).map(of)).median
    return [
      ...[name, String(took.rounds), seconds(took.min), seconds(took.median)],
      ...[ratio(took.median, medianOf("loop")), ratio(took.median, medianOf("bake"))],
      ...(which === "leaf" ? [ratio(took.median, medianOf(leafAlone.buildx))] : []),
      ...[String(middle((each) => each.requests)), (middle((each) => each.requests) / imagesIn(which)).toFixed(1)],
      ...[megabytes(middle((each) => each.received)), megabytes(middle((each) => each.sent))],
      megabytes(middle((each) => each.memory)),
    ]
  }
  const head = [
    ...["", "rounds", "min", "median", "of loop", "of bake", ...(which === "leaf" ? ["of that leaf"] : [])],
    ...["requests", "for each image", "pushed", "pulled", "memory"],
  ]
  const rows = [...new Set(samples.map((each) => each.who))]
    .sort()
    .flatMap((who) => [
      row(who, who, (each) => each.seconds),
      ...(by(who).every((each) => each.gates !== undefined)
        ? [row(who, `${who} without gates`, (each) => each.seconds - each.gates!).slice(0, which === "leaf" ? 7 : 6)]
        : []),
    ])
  return `${stories[which]}\n\n${markdownTable(head, rows)}\n`
}

function planSection(samples: readonly PlanSample[]): string {
  const sizes = [...new Set(samples.map((each) => each.families))]
  const rows = sizes.flatMap((families) =>
    [false, true].flatMap((records) =>
      (["thinking", "command"] as const).map((what) => {
        const those = samples.filter(
          (each) => each.families === families && each.records === records && each.what === what,
        )
        const took = summary(those.map((each) => each.seconds))
        const memory = summary(those.map((each) => each.memory))
        return [
          ...[`${families}`, `${families * 10}`, records ? "all" : "none", what, String(took.rounds)],
          ...[seconds(took.min), seconds(took.median), `${((took.median / families) * 1000).toFixed(2)} ms`],
          megabytes(memory.median),
        ]
      }),
    ),
  )
  const head = [
    "families",
    "services",
    "built before",
    "what",
    "rounds",
    "min",
    "median",
    "for each family",
    "peak memory",
  ]
  return `## Planning

Generated fleets: families in a tree of tens, each with a lock and ten services. "thinking" reads the fleet, its files and what git says,
and decides; "command" is the whole of \`fairlead plan --json\`, the start of Node and its output included.

${markdownTable(head, rows)}
`
}

function deploySection(samples: readonly DeploySample[]): string {
  const kinds = [...new Set(samples.map(({ services, changed }) => `${services} ${changed}`))]
  const rows = kinds.map((kind) => {
    const those = samples.filter(({ services, changed }) => `${services} ${changed}` === kind)
    const took = summary(those.map((each) => each.seconds))
    return [`${those[0]!.services}`, those[0]!.changed, String(took.rounds), seconds(took.min), seconds(took.median)]
  })
  return `## Rollout

\`fairlead deploy\` to the two hosts of a demo yard on this machine, half of the services on each; a changed service has another
environment, so that its container is made anew and polled until it is healthy.

${markdownTable(["services", "changed", "rounds", "min", "median"], rows)}
`
}

function commandOf({ rounds, case: cases, families, services }: Results["flags"]): string {
  const all = cases.length === 10 ? [] : cases.map((each) => `--case ${each}`)
  const sizes = [
    ...(families.join() === "10,100,1000" ? [] : [`--families ${families.join()}`]),
    ...(services.join() === "8,64" ? [] : [`--services ${services.join()}`]),
  ]
  const flags = [...(rounds === 5 ? [] : [`--rounds ${rounds}`]), ...all, ...sizes]
  return ["npm run bench", ...(flags.length > 0 ? ["--", ...flags] : [])].join(" ")
}
