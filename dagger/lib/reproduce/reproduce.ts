import pLimit from "p-limit"
import { z } from "zod"
import { type Built, build } from "../build/build.ts"
import { packagesIn } from "../build/sbom.ts"
import type { Artifact, Engine, Step } from "../engine/engine.ts"
import { answered, probe } from "../gates/probe.ts"
import type { SbomFacts } from "../gates/sbom.ts"
import type { AllInputs } from "../plan/inputs.ts"
import type { Plan } from "../plan/plan.ts"
import { why } from "../plan/why.ts"
import { wrongInput } from "../problem.ts"
import { type Delta, delta } from "../release/delta.ts"
import type { ImageRecord } from "../release/record.ts"
import type { Registry } from "../release/registry.ts"
import { digestsOf, type Yard } from "../yard.ts"
import { type MovedBase, movedBase } from "./moved.ts"

const differingSchema = z.strictObject({
  schema: z.literal(1),
  config: z.array(z.string()),
  layers: z.array(
    z.strictObject({
      layer: z.int().positive(),
      count: z.int().nonnegative(),
      files: z.array(z.strictObject({ path: z.string(), what: z.string() })),
    }),
  ),
})

/** Where two images differ: keys of the config, paths by layer (the first ones and how many there are). */
export type Differing = z.infer<typeof differingSchema>

export interface Reproduced {
  family: string
  released: string
  rebuilt: string
  same: boolean
  fingerprint: string
  /** Seconds that its own steps took. */
  seconds: number
  /** The base that it stands on is another than the release's: it was made of newer packages. */
  base?: MovedBase
  /** Packages that are others than in the release: the Debian archive moved on. Absent where all are the same. */
  moved?: Delta
  differing?: Differing
}

export interface Reproducing {
  plan: Plan
  inputs: AllInputs
  /** What was released of the families in the plan; of those that have none here, nothing is compared. */
  records: readonly ImageRecord[]
  registry: Registry
  machine?: string
  /** Told of each as soon as it is compared. */
  onCompared?: (answer: Reproduced) => Promise<void>
}

/**
 * Builds releases again from nothing but the checkout, each once and its children on it, and compares. Throws a Problem (exit
 * code 2) where the checkout is not what one of them was made of; what a build throws comes after all that could be compared.
 */
export async function reproduce(yard: Yard, reproducing: Reproducing): Promise<Reproduced[]> {
  const { inputs, records, machine, onCompared } = reproducing
  const bases = new Map(records.map((record) => [record.family, requireSame(yard, reproducing, record)]))
  const plan = asReleased(reproducing.plan, records)
  const families = plan.families.map((each) => each.family)
  const answers: Reproduced[] = []
  // One after another, since an image of gigabytes is fetched where it differs.
  const comparing = pLimit(1)
  const onBuilt = (image: Built) =>
    comparing(async () => {
      const record = records.find(({ family }) => family === image.family)
      if (record) {
        const base = bases.get(image.family)
        const answer = { ...(await compared(yard, reproducing.registry, record, image)), ...(base ? { base } : {}) }
        answers.push(answer)
        await onCompared?.(answer)
      }
      await yard.engine.discard(image.archive)
    })
  await build(yard, { plan, inputs, families, machine, noCache: true, onBuilt })
  return answers
}

/** Throws where the checkout is not what a release was made of. A base that moved on is no other checkout: it is answered. */
export function requireSame(
  { fleet, bases }: Yard,
  { plan, inputs, machine }: Pick<Reproducing, "plan" | "inputs" | "machine">,
  record: ImageRecord,
): MovedBase | undefined {
  const { family } = record
  const planned = plan.families.find((each) => each.family === family)!
  if (planned.fingerprint === record.fingerprint) return undefined
  const moved = movedBase({ fleet, inputs, bases: digestsOf(bases), machine }, record)
  if (moved) return moved
  throw wrongInput(`the checkout is not what ${family} ${record.digest.slice(0, 19)} was made of`, {
    why: why(record.ingredients, planned.ingredients).slice(0, 5).join("; "),
    fix: `check out the commit in the release's tag; what made the image what it is came with ${record.revision.slice(0, 7)}`,
  })
}

/** The commit in an image's labels is the release's: the same files may have come with another one since. */
const asReleased = (plan: Plan, records: readonly ImageRecord[]): Plan => ({
  ...plan,
  families: plan.families.map((each) => {
    const record = records.find(({ family }) => family === each.family)
    return record ? { ...each, revision: record.revision } : each
  }),
})

async function compared(yard: Yard, registry: Registry, record: ImageRecord, image: Built): Promise<Reproduced> {
  const { family, fingerprint, digest } = record
  const same = image.digest === digest
  const base = { family, fingerprint, seconds: image.seconds, released: digest, rebuilt: image.digest, same }
  if (base.same) return base
  const moved = movedBetween(record, await yard.engine.read(image.sbom))
  const released = await registry.download(family, record.digest)
  const differing = await differingIn(yard.engine, base, [released, image.archive])
  await yard.engine.discard(released)
  return { ...base, ...(moved ? { moved } : {}), differing }
}

/** What is installed now and was not then; undefined where the packages are the same. */
function movedBetween({ gates }: ImageRecord, sbom: string): Delta | undefined {
  const facts = gates.sbom?.facts as Partial<SbomFacts> | undefined
  const found = delta(facts?.packages ?? [], packagesIn(sbom))
  return found.added.length + found.removed.length + found.changed.length > 0 ? found : undefined
}

export const differStep = (
  engine: Engine,
  { family, released, rebuilt }: Pick<Reproduced, "family" | "released" | "rebuilt">,
  [one, other]: readonly [Artifact, Artifact],
): Step => ({
  name: `compare ${family}`,
  image: "toolbox:run",
  argv: [
    ...(["python3", "-I", "-B", "/fairlead/differ_probe.py", "/in/released.tar", "/in/rebuilt.tar"] as const),
    ...["--digests", released, rebuilt],
  ],
  inputs: {
    "/fairlead/differ_probe.py": probe(engine, "differ_probe.py"),
    "/fairlead/archive_probe.py": probe(engine, "archive_probe.py"),
    "/in/released.tar": one,
    "/in/rebuilt.tar": other,
  },
})

async function differingIn(
  engine: Engine,
  images: Pick<Reproduced, "family" | "released" | "rebuilt">,
  archives: readonly [Artifact, Artifact],
): Promise<Differing> {
  const step = differStep(engine, images, archives)
  return answered(step.name, await engine.run(step), differingSchema)
}
