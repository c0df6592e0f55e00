import { z } from "zod"
import { advisoriesCache, type DatabaseSource } from "../../advisories/advisories.ts"
import type { Step } from "../../engine/engine.ts"
import { digestSchema } from "../../fleet/names.ts"
import { sha256 } from "../../sha256.ts"
import { normalName } from "../blueprint/version.ts"
import type { Looking } from "../gate.ts"
import type { Inside } from "../inside.ts"
import { answered, parsed, probe, shaped } from "../probe.ts"
import { CouldNotLook } from "../verdict.ts"

type Ready = Extract<DatabaseSource, { state: "ready" }>

const name = z.string().min(1)
const severity = z.enum(["UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"])

export const vulnerabilitySchema = z.strictObject({
  id: name,
  /** Other names of the same weakness. */
  aliases: z.array(name),
  kind: z.enum(["debian", "python", "other"]),
  package: name,
  /** Debian's source package, which advisories are written for. */
  source: name.nullable(),
  path: name.nullable(),
  installed: z.string(),
  fixed: z.array(name),
  severity,
  /** Trivy's word for why there is a fix or none: "fixed", "affected", "will_not_fix", "end_of_life" … */
  status: z.string(),
  title: z.string(),
  layer: digestSchema.nullable(),
})

export const secretSchema = z.strictObject({
  path: name,
  rule: name,
  title: z.string(),
  severity,
  line: z.int().nonnegative(),
  /** null: it stands in the image's config. */
  layer: digestSchema.nullable(),
})

const pythonSchema = z.strictObject({ name, version: z.string(), path: name })

export const reportSchema = z.strictObject({
  schema: z.literal(1),
  manifest: z.string(),
  imageId: digestSchema,
  trivy: name,
  os: z.strictObject({ family: z.string(), name: z.string(), eosl: z.boolean() }),
  packages: z.strictObject({
    debian: z.array(z.strictObject({ name, version: z.string(), source: name })),
    python: z.array(pythonSchema),
    /** By Trivy's type, such as "gobinary". */
    other: z.record(z.string(), z.int().positive()),
  }),
  vulnerabilities: z.array(vulnerabilitySchema),
  secrets: z.array(secretSchema),
})

/** What Trivy saw in an archive. */
export type Report = z.infer<typeof reportSchema>
/** A Python package inside another one, which no package manager lists. */
export type Vendored = z.infer<typeof pythonSchema>

export const scanStep = ({ subject, engine }: Pick<Looking, "subject" | "engine">, { digest }: Ready): Step => ({
  name: `scan ${subject.family}`,
  image: "toolbox:scan",
  scratch: ["/scratch"],
  caches: { [advisoriesCache.path]: advisoriesCache.name },
  argv: [
    "python3", "-I", "-B", "/fairlead/probe.py", "/in/image.tar", `--digest=${subject.digest}`,
    `--database=${advisoriesCache.path}/${digest.replace("sha256:", "")}`, "--work=/scratch",
  ], // biome-ignore format: one argument per line would hide the shape of the command
  inputs: { "/fairlead/probe.py": probe(engine, "scan_probe.py"), "/in/image.tar": subject.archive },
  // A cache is no part of what an engine knows a step by.
  look: "again",
})

/** Trivy's report on the archive, refused when it is about another image or about fewer packages than are installed. */
export async function scanned(on: Looking, database: Ready): Promise<{ report: Report; vendored: Vendored[] }> {
  const step = scanStep(on, database)
  const [ran, inside] = await Promise.all([on.engine.run(step), on.inside()])
  const report = answered(step.name, ran, reportSchema)
  aboutThis(step.name, report, on.subject.digest)
  if (inside === null)
    throw new CouldNotLook(`${step.name}: the image has no Python, so nobody could count what is installed`)
  return { report, vendored: allSeen(step.name, report, inside) }
}

/** Refuses a report about another image. */
export function aboutThis(step: string, { manifest, imageId }: Report, digest: string): void {
  const hash = sha256(manifest)
  const manifestSchema = z.object({ config: z.object({ digest: digestSchema }) })
  const { config } = shaped(step, parsed(step, manifest), manifestSchema)
  if (hash === digest && imageId === config.digest) return
  const about = hash === digest ? `config ${imageId} instead of ${config.digest}` : `${hash} instead of ${digest}`
  throw new CouldNotLook(`${step}: a report about another image: ${about}`, "build the family again")
}

/**
 * Trivy has to have seen every package that is installed: a scanner that read no package list finds nothing wrong either.
 * What only Trivy sees are packages inside of packages; what only the package managers see are Python modules that Debian
 * packages bring, which Trivy counts as Debian's.
 */
export function allSeen(step: string, { packages }: Report, { debian, distributions, python }: Inside): Vendored[] {
  if (packages.debian.length === 0) throw new CouldNotLook(`${step}: trivy saw no Debian package at all`)
  const folders = new Set([...python.path, ...distributions.map(({ location }) => location)])
  const own = packages.python.filter(({ path }) => folders.has(folderOf(path)))
  const wanted = distributions.filter(({ location }) => !location.endsWith("/dist-packages"))
  const different = [
    ...between(debian.map(plain), packages.debian.map(plain), "Debian package"),
    ...between(wanted.map(normal), own.map(normal), "Python package", new Set(distributions.map(normal))),
  ]
  if (different.length > 0) {
    const more = different.length > 5 ? ` and ${different.length - 5} more` : ""
    throw new CouldNotLook(
      `${step}: trivy did not see what is installed: ${different.slice(0, 5).join("; ")}${more}`,
      "run it again with -v; if it stays, the scanner cannot be trusted with this image",
    )
  }
  return packages.python.filter(({ path }) => !folders.has(folderOf(path)))
}

function between(installed: string[], seen: string[], what: string, allowed = new Set(installed)): string[] {
  const known = new Set(seen)
  return [
    ...installed.filter((each) => !known.has(each)).map((each) => `${what} ${each} is installed and was not seen`),
    ...seen.filter((each) => !allowed.has(each)).map((each) => `${what} ${each} was seen and is not installed`),
  ]
}

const plain = (each: { name: string; version: string }): string => `${each.name} ${each.version}`
const normal = (each: { name: string; version: string }): string => `${normalName(each.name)} ${each.version}`

/** The folder that a package's metadata stands in: ….dist-info/METADATA, ….egg-info/PKG-INFO or a file ….egg-info. */
const folderOf = (path: string): string => path.replace(/\/[^/]+\.(?:dist|egg)-info(?:\/[^/]+)?$/, "")
