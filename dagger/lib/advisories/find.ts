import { readFileSync } from "node:fs"
import { stat } from "node:fs/promises"
import { resolve } from "node:path"
import { type Artifact, type Engine, lastLines, type Secret, type Step, StepError } from "../engine/engine.ts"
import type { Fleet } from "../fleet/fleet.ts"
import { type Advisories, advisoriesCache } from "./advisories.ts"
import { type ProbeAnswer, probeSchema } from "./answer.ts"
import type { AdvisoriesChoice, OnlineChoice } from "./choice.ts"
import { broken, judgeAdvisories, nobodyLooks } from "./judge.ts"
import { reachOf, reachOfReference } from "./reach.ts"

export interface FindAdvisories {
  engine: Engine
  /** The repository on the disk of whoever asks: a folder's path starts here. */
  root: string
  fleet: Fleet
  choice: AdvisoriesChoice
  /** Ages are counted to it. */
  now: Date
  /** The folder of OSV records, where it is handed over instead of named. */
  folder?: Artifact
  /** The machine's CA bundle: a mirror may stand behind a certificate that only this machine trusts. */
  ca?: Secret
  /** Credentials of the mirror, as a Docker config.json. */
  auth?: Secret
}

/**
 * What this run knows about advisories: brings the database into the cache that gates read, and asks the Python service
 * whether it knows anything at all. One step of toolbox:scan, once per run; none where nobody is to look.
 */
export async function findAdvisories(on: FindAdvisories): Promise<Advisories> {
  const { engine, fleet, choice, now } = on
  if (choice.source === "none") return nobodyLooks(choice.by)
  const { maxAgeDays } = fleet.policy.advisories
  const folder = choice.source === "folder" ? (on.folder ?? (await namedFolder(on, choice.path))) : undefined
  if (folder && "state" in folder) return { database: folder, python: folder }
  const answer = await asked(engine, lookStep(on, folder))
  return "why" in answer ? { database: answer, python: answer } : judgeAdvisories(choice, answer, { maxAgeDays, now })
}

/** Asked before a step mounts it: an engine's own words about a missing folder are of little use. */
async function namedFolder({ engine, root }: FindAdvisories, path: string) {
  const found = await stat(resolve(root, path)).catch(() => undefined)
  if (found?.isDirectory()) return engine.local(path)
  const why = found ? "is no folder" : "there is no such folder"
  return broken(`folder ${path}: ${why}`, "make it, or name another one: docs/advisories.md")
}

function lookStep({ engine, choice, ca, auth }: FindAdvisories, folder?: Artifact): Step {
  const ask = choice.source === "online" ? online(choice, auth) : { folder: folderPath }
  const services = choice.source === "online" ? servicesOf(choice) : {}
  return {
    name: "look for advisories",
    image: "toolbox:scan",
    argv: ["python3", "-B", probePath, "--ask", askPath, "--cache", advisoriesCache.path],
    inputs: {
      [probePath]: engine.file("sources_probe.py", probeText()),
      [askPath]: engine.file("ask.json", JSON.stringify(ask)),
      ...(folder ? { [folderPath]: folder } : {}),
    },
    secrets: { ...(ca ? { [caPath]: ca } : {}), ...(auth ? { [authPath]: auth } : {}) },
    // Read by Python and by Go alike.
    env: ca ? { SSL_CERT_FILE: caPath } : {},
    caches: { [advisoriesCache.path]: advisoriesCache.name },
    services,
    outside: choice.source === "online",
    look: "again",
  }
}

function online({ database, python }: OnlineChoice, auth?: Secret) {
  const refs = database.refs.map((name) => {
    const { address, host, port, plain } = reachOfReference(name)
    return { name, inside: address, host, port, plain }
  })
  return {
    database: { refs, seconds: 120, ...(auth ? { auth: authPath } : {}) },
    python: { service: python.service, inside: reachOf(python.url).address },
  }
}

const servicesOf = ({ database, python }: OnlineChoice): Step["services"] =>
  Object.assign({}, ...database.refs.map((name) => reachOfReference(name).services), reachOf(python.url).services)

/** The probe's answer; what it could not even say makes both halves broken, and never none. */
async function asked(engine: Engine, step: Step): Promise<ProbeAnswer | ReturnType<typeof broken>> {
  const fix = "run it again; `fairlead advisories -v` shows the tools' own output"
  try {
    const { exitCode, stdout, stderr } = await engine.run(step)
    if (exitCode !== 0) return broken(`${step.name}: exited ${exitCode}: ${lastLines(stderr, 3)}`, fix)
    const { data, error } = probeSchema.safeParse(JSON.parse(stdout))
    return data ?? broken(`${step.name}: the answer is not of the known shape: ${error?.issues[0]?.message}`, fix)
  } catch (error) {
    if (error instanceof SyntaxError) return broken(`${step.name}: the answer is not JSON`, fix)
    if (error instanceof StepError) return broken(error.message, fix)
    throw error
  }
}

const probeText = (): string => readFileSync(new URL("./probe/sources_probe.py", import.meta.url), "utf8")

const probePath = "/probe/sources_probe.py"
const askPath = "/in/ask.json"
const folderPath = "/in/advisories"
const caPath = "/run/secrets/ca"
const authPath = "/run/secrets/advisories-auth.json"
