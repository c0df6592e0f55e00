import { readFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { get } from "node:https"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import type { Advisories } from "../dagger/lib/advisories/advisories.ts"
import { type AdvisoriesChoice, chooseAdvisories, type OnlineChoice } from "../dagger/lib/advisories/choice.ts"
import { nobodyLooks, unreachable } from "../dagger/lib/advisories/judge.ts"
import type { ToolboxPart } from "../dagger/lib/engine/engine.ts"
import type { Fleet } from "../dagger/lib/fleet/fleet.ts"
import { caBundle } from "./ca.ts"
import type { Row } from "./setup/doctor.ts"
import { toolboxPart } from "./setup/toolbox.ts"
import { inHome, stateFolder } from "./state.ts"

export interface ChosenAdvisories {
  choice: AdvisoriesChoice
  /** What of the toolbox it takes to look. */
  toolbox: readonly ToolboxPart[]
  /** Known without looking: nobody is to look, or nobody would answer. */
  known?: Advisories
}

/**
 * Where advisories are looked up, and whether anything has to be readied for it. The part that looks takes minutes to
 * compile: a machine that reaches none of the defaults is told so at once instead, as long as nothing is kept here.
 */
export async function chooseSource(fleet: Fleet, flag?: string): Promise<ChosenAdvisories> {
  const choice = chooseAdvisories(fleet, { flag, env: process.env.FAIRLEAD_ADVISORIES })
  if (choice.source === "none") return { choice, toolbox: [], known: nobodyLooks(choice.by) }
  const looks: ChosenAdvisories = { choice, toolbox: ["scan"] }
  if (choice.source === "folder" || choice.database.by || choice.python.by) return looks
  if ((await toolboxPart("scan").look()).state === "ready" || (await lastFound())) return looks
  const why = await outOfReach(choice)
  return why === undefined ? looks : { choice, toolbox: [], known: { database: why.database, python: why.python } }
}

/** Both halves as `none`, or undefined where at least one may be there: only the probe can tell then. */
export async function outOfReach({ database, python }: OnlineChoice): Promise<Advisories | undefined> {
  const hosts = database.refs.map((ref) => new URL(`https://${ref}`))
  const [service, ...databases] = await Promise.all([
    knowsNothing(`${python.url}/${canary}/json`),
    ...hosts.map(({ hostname, port }) => connects(hostname, Number(port || 443))),
  ])
  if (service === undefined || databases.includes(undefined)) return undefined
  return { database: unreachable(databases.join("; ")), python: unreachable(service) }
}

const patience = 3000

/** Why nobody connects there; undefined when somebody does. */
const connects = (host: string, port: number): Promise<string | undefined> =>
  new Promise((answer) => {
    const told = (why?: string) => {
      clearTimeout(timer)
      socket.destroy()
      answer(why && `${host}: ${why}`)
    }
    const timer = setTimeout(() => told("no answer"), patience)
    const socket = connect({ host, port }, () => told())
    socket.on("error", (error: NodeJS.ErrnoException) => told(error.code ?? error.message))
  })

// What the probe asks as well (sources_probe.py): a vulnerability that has been public since 2018.
const canary = "requests/2.19.0"

/** Why a package index has no advisories; undefined when it has some, or nobody can tell from here. */
const knowsNothing = (url: string): Promise<string | undefined> =>
  new Promise((answer) => {
    const { host } = new URL(url)
    const bundle = caBundle()
    const told = (why?: string) => {
      clearTimeout(timer)
      request.destroy()
      answer(why && `${host}: ${why}`)
    }
    const timer = setTimeout(() => told("no answer"), patience)
    const request = get(url, { ca: bundle ? readFileSync(bundle) : undefined }, (response) => {
      const { statusCode = 0 } = response
      if (statusCode !== 200) return told(refusals.has(statusCode) ? `answers ${statusCode}` : undefined)
      text(response).then(
        (body) => told(/"(?:PYSEC|GHSA|CVE)-/.test(body) ? undefined : `knows no vulnerability of ${canary}`),
        () => told(),
      )
    })
    request.on("error", (error: NodeJS.ErrnoException) => told(gone.has(error.code ?? "") ? error.code : undefined))
  })

const refusals = new Set([401, 403, 404, 405, 407, 410])
const gone = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"])

/** What was found last, for `doctor`, and as the sign that a database is kept. */
export interface LastFound {
  from: string
  updatedAt: string
  digest: string
}

const lastFile = (): string => inHome("advisories.json")

export async function lastFound(): Promise<LastFound | undefined> {
  try {
    return JSON.parse(await readFile(lastFile(), "utf8")) as LastFound
  } catch {
    return undefined
  }
}

/** Remembers a database from a registry: without it, a machine that is cut off would not know that one is kept. */
export async function remember({ source }: AdvisoriesChoice, { database }: Advisories): Promise<void> {
  if (source !== "online" || database.state !== "ready") return
  const { from, updatedAt, digest } = database
  await stateFolder()
  await writeFile(lastFile(), JSON.stringify({ from, updatedAt, digest }))
}

/** For `doctor`, which asks nobody: what is chosen, and what was found last. */
export async function advisoriesRow(fleet: Fleet): Promise<Row> {
  const row = { name: "advisories", state: "note" as const, needed: false }
  const choice = chooseAdvisories(fleet, { env: process.env.FAIRLEAD_ADVISORIES })
  if (choice.source === "none")
    return { ...row, detail: `none, on purpose (${choice.by}): audit and scan are unchecked` }
  if (choice.source === "folder") return { ...row, detail: `folder ${choice.path} (${choice.by})` }
  const last = await lastFound()
  const found = last ? `last found: ${last.from} of ${last.updatedAt.slice(0, 10)}` : "none found here yet"
  return { ...row, detail: `online (${choice.database.by ?? "default"}); ${found}`, fix: "`fairlead advisories` looks" }
}
