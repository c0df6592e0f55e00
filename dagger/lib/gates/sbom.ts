import { z } from "zod"
import { packagesIn } from "../build/sbom.ts"
import { sbomPath } from "../build/seal.ts"
import { type Engine, harmless, type Step } from "../engine/engine.ts"
import { digestSchema } from "../fleet/names.ts"
import type { Package } from "../release/contents.ts"
import { sha256 } from "../sha256.ts"
import { normalName } from "./blueprint/version.ts"
import type { Gate, Looking, Subject } from "./gate.ts"
import type { Inside } from "./inside.ts"
import { answered, probe, shaped } from "./probe.ts"
import { CouldNotLook, type Finding, judge } from "./verdict.ts"

const packageSchema = z.strictObject({
  kind: z.enum(["debian", "python", "other"]),
  name: z.string(),
  version: z.string(),
})
const count = z.int().nonnegative()

const factsSchema = z.strictObject({
  digest: digestSchema,
  /** SHA-256 of the document; null for an image that carries none. */
  document: digestSchema.nullable(),
  /** SHA-256 of the document that the image carries; null where it carries none. */
  sealed: digestSchema.nullable(),
  /** What the document says is in the image. */
  packages: z.array(packageSchema),
  /** What dpkg and the virtual environment say is installed. */
  installed: z.strictObject({ debian: z.int().positive(), python: count }),
  /** Installed, and not in the document in that version. */
  missing: z.array(packageSchema),
  /** In the document, and known to no package manager: interpreters, packages inside of packages. */
  unmanaged: z.array(packageSchema),
})

export type SbomFacts = z.infer<typeof factsSchema>

/** The software bill of materials against what is installed: it lists everything, and the image carries it. */
export const sbom: Gate<SbomFacts> & { readonly name: "sbom" } = {
  name: "sbom",
  async look(on) {
    const [inside, { sealed, text }] = await Promise.all([on.inside(), documentOf(on)])
    if (inside === null)
      throw new CouldNotLook("sbom: the image has no Python, so nobody could count what is installed")
    const packages = text === null ? [] : packagesIn(text)
    return {
      digest: on.subject.digest,
      document: text === null ? null : sha256(text),
      sealed,
      ...against(packages, inside),
    }
  },
  judge(facts) {
    const { debian, python } = facts.installed
    const found = [...sealFindings(facts), ...missingFindings(facts)]
    const notes = unmanagedNotes(facts)
    return { ...judge(facts, found), ...(notes.length > 0 ? { notes } : {}), brief: `${debian + python} pkg` }
  },
  recall: (stored) => shaped("sbom", stored, factsSchema),
}

export const sbomGateStep = (subject: Subject, engine: Engine): Step => ({
  name: `read the SBOM of ${subject.family}`,
  image: "toolbox:run",
  argv: [
    "python3", "-I", "-B", "/fairlead/sbom_probe.py", "/in/image.tar", `--digest=${subject.digest}`,
    `--path=${sbomPath}`, "--output=/out/sbom.spdx.json",
  ], // biome-ignore format: one argument per line would hide the shape of the command
  inputs: {
    "/fairlead/sbom_probe.py": probe(engine, "sbom_probe.py"),
    "/fairlead/archive_probe.py": probe(engine, "archive_probe.py"),
    "/in/image.tar": subject.archive,
  },
  outputs: { sbom: "/out/sbom.spdx.json" },
})

const answerSchema = z.strictObject({
  schema: z.literal(1),
  sealed: z.strictObject({ layer: digestSchema, sha256: digestSchema, bytes: z.int().positive() }).nullable(),
})

/** The document, and what the one in the image hashes to. Of an image from a registry the one in it is all there is. */
export async function documentOf({
  subject,
  engine,
}: Pick<Looking, "subject" | "engine">): Promise<{ text: string | null; sealed: string | null }> {
  const step = sbomGateStep(subject, engine)
  const ran = await engine.run(step)
  const { sealed } = answered(step.name, ran, answerSchema)
  if (subject.sbom) return { text: await engine.read(subject.sbom), sealed: sealed?.sha256 ?? null }
  if (sealed === null) return { text: null, sealed: null }
  if (!ran.outputs.sbom) throw new CouldNotLook(`${step.name}: the probe left no document`)
  return { text: await engine.read(ran.outputs.sbom), sealed: sealed.sha256 }
}

/** A document's packages against those that are installed, by name and version. */
export function against(
  packages: readonly Package[],
  { debian, distributions }: Inside,
): Pick<SbomFacts, "packages" | "installed" | "missing" | "unmanaged"> {
  const installed: Package[] = [
    ...debian.map(({ name, version }) => ({ kind: "debian" as const, name, version })),
    ...distributions.map(({ name, version }) => ({ kind: "python" as const, name, version })),
  ]
  const [listed, managed] = [packages, installed].map((each) => new Set(each.map(keyOf)))
  return {
    packages: packages.map(({ kind, name, version }) => ({ kind, name, version })),
    installed: { debian: debian.length, python: distributions.length },
    missing: installed.filter((each) => !listed!.has(keyOf(each))),
    unmanaged: packages.filter((each) => !managed!.has(keyOf(each))),
  }
}

const keyOf = ({ kind, name, version }: Package): string =>
  `${kind} ${kind === "python" ? normalName(name) : name} ${version}`

function sealFindings({ document, sealed }: SbomFacts): Finding[] {
  if (document !== null && sealed === document) return []
  const fix = "build the family again"
  if (sealed === null) return [{ what: `the image carries no SBOM in ${sbomPath}`, fix }]
  return [{ what: `the SBOM in ${sbomPath} is not the image's: ${sealed} instead of ${document}`, fix }]
}

/** One finding for each package that is left out: an SBOM that is almost whole hides just that. */
function missingFindings({ packages, missing, document }: SbomFacts): Finding[] {
  if (document === null) return []
  return missing.map(({ kind, name, version }) => {
    const same = (each: Package) => each.kind === kind && normalName(each.name) === normalName(name)
    const others = packages.filter(same).map((each) => each.version)
    const instead = others.length > 0 ? `in ${others.join(", ")}` : "not at all"
    return {
      what: harmless(`${kind} package ${name} ${version} is installed, and the SBOM has it ${instead}`),
      fix: "build the family with --no-cache; if it stays, syft does not see this package",
    }
  })
}

function unmanagedNotes({ unmanaged }: SbomFacts): Finding[] {
  if (unmanaged.length === 0) return []
  const shown = unmanaged.slice(0, 5).map(({ name, version }) => `${name} ${version}`)
  const more = unmanaged.length > 5 ? ` and ${unmanaged.length - 5} more` : ""
  return [{ what: harmless(`in the SBOM and in no package manager's list: ${shown.join(", ")}${more}`) }]
}
