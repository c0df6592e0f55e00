import { z } from "zod"
import { advisoriesCache, type PythonSource } from "../../advisories/advisories.ts"
import { reachOf } from "../../advisories/reach.ts"
import type { Step } from "../../engine/engine.ts"
import { harmless } from "../../engine/engine.ts"
import { readLock } from "../blueprint/lock.ts"
import { normalName } from "../blueprint/version.ts"
import type { Looking } from "../gate.ts"
import type { Inside } from "../inside.ts"
import { answered, probe } from "../probe.ts"
import { CouldNotLook } from "../verdict.ts"
import type { LookedUp, Lookups } from "./facts.ts"

type Ready = Extract<PythonSource, { state: "ready" }>
type Asked = Pick<LookedUp, "name" | "version" | "found">

const count = z.int().nonnegative()
const answerSchema = z.union([
  z.strictObject({ schema: z.literal(1), failed: z.string() }),
  z.strictObject({
    schema: z.literal(1),
    tool: z.strictObject({ name: z.string(), version: z.string().min(1) }),
    records: count.nullable(),
    canary: z.boolean().nullable(),
    answers: z.array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        advisories: z.array(
          z.strictObject({
            id: z.string().min(1),
            aliases: z.array(z.string()),
            fixed: z.array(z.string()),
            summary: z.string(),
          }),
        ),
      }),
    ),
  }),
])

/** Packages that Debian patches itself have advisories of Debian's, which `scan` looks up. */
const debianFolder = "/usr/lib/python3/dist-packages"

/** What is installed in the image, and neither Debian's nor anybody else's business. */
export const installedIn = ({ distributions }: Pick<Inside, "distributions">): { name: string; version: string }[] =>
  distributions
    .filter(({ location }) => location !== debianFolder)
    .map(({ name, version }) => ({ name: normalName(name), version }))

/** Every package and version that stands in the image or in a lock of its line, once. */
export function askedOf(
  installed: readonly { name: string; version: string }[],
  locks: Looking["rules"]["locks"],
): Asked[] {
  const asked = new Map<string, Asked>()
  const add = (name: string, version: string, place: string) => {
    // An index knows 2.2.2, and not who built it for CUDA 12.1: advisories are about the public version.
    const [known = version] = version.split("+")
    const key = `${name} ${known}`
    const one = asked.get(key) ?? { name, version: known, found: [] }
    if (!one.found.some((each) => each.in === place && each.version === version)) one.found.push({ in: place, version })
    asked.set(key, one)
  }
  for (const { name, version } of installed) add(name, version, "image")
  for (const [path, text] of Object.entries(locks)) {
    const { packages, problems } = readLock(text)
    const unread = problems.find(({ line }) => !packages.some((each) => each.line === line))
    if (unread) {
      throw new CouldNotLook(
        `audit: ${path}:${unread.line} cannot be looked up: ${unread.why}`,
        `run \`fairlead lock\`, which writes ${path} anew`,
      )
    }
    for (const { name, version } of packages) add(name, version, path)
  }
  return [...asked.values()]
}

export function lookupStep({ subject, engine, ca }: Looking, source: Ready, asked: readonly Asked[]): Step {
  const folder = source.service === "folder"
  const reach = source.url === undefined ? undefined : reachOf(source.url)
  if (folder && source.digest === undefined) throw new CouldNotLook("audit: the folder of advisories has no digest")
  const records = `${advisoriesCache.path}/${source.digest?.replace(/^sha256:/, "")}/osv.json`
  return {
    name: `audit ${subject.family}`,
    image: "toolbox:scan",
    argv: [
      "python3", "-B", "/fairlead/audit_probe.py", "--asked=/in/asked.json", `--service=${source.service}`,
      ...(folder ? [`--records=${records}`] : []),
      ...(reach ? [`--url=${reach.address}`] : []),
      ...(ca && !folder ? ["--certificates=/run/secrets/ca"] : []),
    ], // biome-ignore format: one argument per line would hide the shape of the command
    inputs: {
      "/fairlead/audit_probe.py": probe(engine, "audit_probe.py"),
      "/fairlead/osv_source.py": probe(engine, "osv_source.py"),
      "/in/asked.json": engine.file(
        "asked.json",
        JSON.stringify(asked.map(({ name, version }) => ({ name, version }))),
      ),
    },
    ...(folder
      ? { caches: { [advisoriesCache.path]: advisoriesCache.name } }
      : { outside: true, services: reach?.services }),
    ...(ca && !folder ? { secrets: { "/run/secrets/ca": ca } } : {}),
    look: "again",
  }
}

/** What pip-audit says about each of them. Throws CouldNotLook when a single one was not looked up. */
export async function lookUp(
  on: Looking,
  source: Ready,
  installed: readonly { name: string; version: string }[],
): Promise<Lookups> {
  const asked = askedOf(installed, on.rules.locks)
  const at = on.rules.now.toISOString()
  if (asked.length === 0) return { tool: null, at, records: null, canary: null, counts: { image: 0 }, packages: [] }
  const step = lookupStep(on, source, asked)
  const answer = answered(step.name, await on.engine.run(step), answerSchema)
  if ("failed" in answer) {
    throw new CouldNotLook(
      `${step.name}: ${harmless(answer.failed)}`,
      "run `fairlead doctor advisories`, which says what this site has for a source",
    )
  }
  const packages = asked.map((each): LookedUp => {
    const found = answer.answers.filter(({ name, version }) => name === each.name && version === each.version)
    if (found.length !== 1) throw new CouldNotLook(`${step.name}: ${each.name} ${each.version} was not looked up`)
    return { ...each, advisories: found[0]!.advisories.map(advisoryOf) }
  })
  if (answer.answers.length !== asked.length) {
    throw new CouldNotLook(`${step.name}: asked about ${asked.length} packages, ${answer.answers.length} were answered`)
  }
  const { tool, records, canary } = answer
  return { tool, at, records, canary, counts: countsOf(packages), packages }
}

/** Places -> how many packages stand there. */
export function countsOf(packages: readonly Pick<LookedUp, "found">[]): Record<string, number> {
  const counts: Record<string, number> = { image: 0 }
  for (const place of packages.flatMap(({ found }) => found.map((each) => each.in)))
    counts[place] = (counts[place] ?? 0) + 1
  return counts
}

function advisoryOf({
  id,
  aliases,
  fixed,
  summary,
}: {
  id: string
  aliases: string[]
  fixed: string[]
  summary: string
}) {
  const ids = [...new Set([id, ...aliases])].map(harmless)
  const cve = (each: string) => (each.startsWith("CVE-") ? 0 : 1)
  return {
    ids: ids.sort((a, b) => cve(a) - cve(b)),
    fixed,
    summary: brief(harmless(summary).replace(/\s+/g, " ").trim()),
  }
}

const brief = (text: string): string =>
  text.length > 160 ? `${text.slice(0, 159).trimEnd()}…` : text.replace(/\.$/, "")
