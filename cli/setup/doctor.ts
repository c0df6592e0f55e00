import { existsSync } from "node:fs"
import { access, constants, readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { pc } from "../../dagger/lib/report/colours.ts"
import { bytes } from "../../dagger/lib/report/text.ts"
import { dockerName } from "../instance.ts"
import { home } from "../state.ts"
import { fairleadRoot } from "../version.ts"
import { run } from "./command.ts"
import { findDagger } from "./engine.ts"
import { engineRoot, freeSpace } from "./freeSpace.ts"
import { inOrder, lookAt, type Part } from "./part.ts"

export interface DoctorOptions {
  /** Hosts that bases are pulled from; asked whether they answer. */
  imageRegistries?: readonly string[]
  /** What a build wants left on the disk. */
  freeBytes?: number
  /** Names of the parts that ship cannot do without; all where not given. What they stand on comes along. */
  needs?: readonly string[]
  /** Where vulnerabilities are looked up. */
  advisories?: Row
}

/** One part, as a person and a program want to know it. */
export interface Row {
  name: string
  /** "note": worth knowing, and nothing to wait for. */
  state: "ready" | "missing" | "unsuitable" | "note"
  detail: string
  fix?: string
  /** `ship` cannot do without it. */
  needed: boolean
}

export interface Doctor {
  schema: 1
  parts: Row[]
  exitCode: 0 | 3
}

/** Looks at everything that `ship` stands on and changes nothing. */
export async function doctor(parts: readonly Part[], options: DoctorOptions = {}): Promise<Doctor> {
  const found = await Promise.all([
    node(),
    npmPackages(),
    setUp(parts, options.needs),
    dagger(),
    buildKit(),
    disk(options.freeBytes ?? 0),
    stateFolderRow(),
    certificates(),
    ...(options.imageRegistries ?? []).map(imageRegistry),
    options.advisories ?? [],
  ])
  const rows = found.flat()
  return { schema: 1, parts: rows, exitCode: rows.some((row) => row.needed && row.state !== "ready") ? 3 : 0 }
}

/** A line per part, the fix below where there is one, and what it comes to at the end. */
export function doctorText({ parts, exitCode }: Doctor): string {
  const width = Math.max(...parts.map(({ name }) => name.length))
  const lines = parts.flatMap(({ name, state, detail, fix }) => [
    `  ${name.padEnd(width)}  ${colours[state](state.padEnd(10))}  ${detail}`,
    ...(fix ? [`  ${" ".repeat(width)}  fix: ${fix}`] : []),
  ])
  const missing = parts.filter((row) => row.needed && row.state !== "ready").map(({ name }) => name)
  const sum = exitCode === 0 ? "ready to ship" : `not ready to ship: ${missing.join(", ")}`
  return [...lines, "", `  ${sum}`].join("\n")
}

const same = (text: string): string => text
const colours = { ready: same, missing: pc.yellow, unsuitable: pc.red, note: pc.dim } as const

export const doctorJson = ({ schema, parts }: Doctor): { schema: 1; parts: Row[] } => ({ schema, parts })

async function node(): Promise<Row> {
  // The launcher refuses what is too old.
  return { name: "node", state: "ready", detail: `${process.version}, ${process.execPath}`, needed: true }
}

async function npmPackages(): Promise<Row> {
  // An installed package has no lock of its own: npm looked after what it needs.
  if (!existsSync(join(fairleadRoot, "package-lock.json")))
    return { name: "npm packages", state: "ready", detail: "as npm installed them", needed: true }
  const { exitCode } = await run([
    process.execPath,
    join(fairleadRoot, "cli", "setup", "npm-matches.mjs"),
    fairleadRoot,
  ])
  const row = { name: "npm packages", needed: true }
  if (exitCode === 0) return { ...row, state: "ready", detail: "as in package-lock.json" }
  return {
    ...row,
    state: "missing",
    detail: "node_modules does not match package-lock.json",
    fix: "`./fairlead setup` readies them",
  }
}

async function setUp(parts: readonly Part[], needs?: readonly string[]): Promise<Row[]> {
  const needed = new Set(inOrder(parts, needs))
  const looked = await lookAt(inOrder(parts))
  return looked.map(({ part, found: { state, detail, fix } }) => ({
    ...{ name: part.name, state, detail, needed: needed.has(part) },
    ...(fix ? { fix } : {}),
  }))
}

async function dagger(): Promise<Row> {
  const { answers, detail } = await findDagger()
  return {
    name: "dagger",
    state: answers ? "ready" : "note",
    detail: answers ? detail : `${detail}; verbs run on Docker`,
    needed: false,
  }
}

/** Comes up with the first build and leaves with the last one; only its cache stays. */
async function buildKit(): Promise<Row> {
  const name = dockerName("buildkit")
  const filter = ["--filter", `name=^/?${name}$`, "--format", "{{.Names}}"]
  const [container, volume] = await Promise.all([
    run(["docker", "ps", ...filter]),
    run(["docker", "volume", "inspect", name]),
  ])
  const cache = volume.exitCode === 0 ? `its cache is kept in volume ${name}` : "no cache yet"
  const runs = container.stdout.trim() ? "runs" : "not running, each build starts it"
  return { name: "buildkit", state: "note", detail: `${runs}; ${cache}`, needed: false }
}

async function disk(wanted: number): Promise<Row> {
  const { path, freeBytes, totalBytes } = await freeSpace(await engineRoot())
  const row = { name: "disk", needed: true, detail: `${bytes(freeBytes)} of ${bytes(totalBytes)} free at ${path}` }
  if (freeBytes >= wanted) return { ...row, state: "ready" }
  const fix = "make room: `fairlead prune`, `docker system df`; or lower policy.cache.keepFree in fleet.yaml"
  return { ...row, state: "unsuitable", detail: `${row.detail}, a build wants ${bytes(wanted)} left`, fix }
}

async function stateFolderRow(): Promise<Row> {
  const folder = home()
  const row = { name: "state", needed: true }
  if (await writable(nearest(folder))) {
    return { ...row, state: "ready", detail: existsSync(folder) ? folder : `${folder}, made when first needed` }
  }
  return {
    ...row,
    state: "unsuitable",
    detail: `${folder} cannot be written`,
    fix: "set FAIRLEAD_HOME to a folder that can",
  }
}

const nearest = (folder: string): string => (existsSync(folder) ? folder : nearest(dirname(folder)))

const writable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  )

const variables = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] as const

/** Builds get the machine's own bundle as a secret: behind a proxy that opens TLS it holds the proxy's certificate. */
async function certificates(): Promise<Row> {
  const row = { name: "certificates", needed: false }
  const named = variables.find((each) => process.env[each])
  const path = (named && process.env[named]) || "/etc/ssl/certs/ca-certificates.crt"
  const text = await readFile(path, "utf8").catch(() => undefined)
  if (text === undefined) {
    const fix = named ? `unset ${named}, or point it to a bundle` : "install ca-certificates, or set SSL_CERT_FILE"
    return { ...row, state: "note", detail: `no bundle at ${path}`, fix }
  }
  const count = text.split("-----BEGIN CERTIFICATE-----").length - 1
  return { ...row, state: "ready", detail: `${path}, ${count} certificates${named ? `, by ${named}` : ""}` }
}

async function imageRegistry(host: string): Promise<Row> {
  const row = { name: host, needed: false }
  try {
    const { status } = await fetch(`https://${host}/v2/`, { signal: AbortSignal.timeout(5000), redirect: "manual" })
    if (status === 200 || status === 401) return { ...row, state: "ready", detail: "bases are pulled from it" }
    return { ...row, state: "note", detail: `answers ${status}: bases are bootstrapped from packages instead` }
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
    return { ...row, state: "note", detail: `not reachable (${cause}): bases are bootstrapped from packages instead` }
  }
}
