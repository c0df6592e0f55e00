import { setTimeout as sleep } from "node:timers/promises"
import { lastLines } from "../../dagger/lib/engine/engine.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { Problem } from "../../dagger/lib/problem.ts"
import { run } from "../setup/command.ts"
import type { Part } from "../setup/part.ts"
import { toolboxImage } from "../setup/toolbox.ts"
import { hostNames, inDocker, inspected, receiverName, removed, started, volume, type Wanted } from "./docker.ts"
import { addressesOf } from "./host.ts"
import { yardNetwork } from "./network.ts"

/** The port that the blueprint gives the receiver. */
export const receiverPort = 9007

/** What services report to when they start (dagger/toolbox/host/fairlead-demo-receiver). */
export const observabilityPart = (fleet: Fleet): Part => ({
  name: `demo:${receiverName}`,
  after: ["engine", "toolbox:host", "demo:network"],
  verb: "started",
  look: async () => {
    const there = await inspected(await wantedReceiver(fleet))
    const fix = "`fairlead demo up` starts it"
    if (!there) return { state: "missing", detail: "not there", fix }
    if (!there.asWanted || there.state !== "running")
      return { state: "missing", detail: "another image, or stopped", fix }
    const url = `http://127.0.0.1:${there.port}`
    if (!(await isWell(url))) return { state: "missing", detail: "does not answer", fix }
    return { state: "ready", detail: url, short: `${receiverName} ${url}` }
  },
  ready: async () => {
    await volume(inDocker(receiverName))
    const wanted = await wantedReceiver(fleet)
    await started(wanted)
    const { port } = (await inspected(wanted))!
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
      if (await isWell(`http://127.0.0.1:${port}`)) return
    }
    const { stdout, stderr } = await run(["docker", "logs", "--tail", "5", wanted.name])
    throw new Problem("the receiver does not answer", { why: lastLines(`${stdout}\n${stderr}`, 5) })
  },
  remove: async () => {
    const gone: string[] = []
    const name = inDocker(receiverName)
    if ((await run(["docker", "container", "inspect", name])).exitCode === 0) gone.push(await removed(name))
    if ((await run(["docker", "volume", "rm", name])).exitCode === 0) gone.push(`volume ${name}`)
    return gone
  },
})

export async function wantedReceiver(fleet: Fleet): Promise<Wanted> {
  const network = await yardNetwork()
  const addresses = addressesOf(fleet, network)
  const hosts = hostNames(fleet).map((host) => `${addresses[host]}=${host}`)
  const name = inDocker(receiverName)
  const options = [
    ...["--hostname", receiverName, "--user", "1999:1999", "--read-only", "--cap-drop", "ALL"],
    ...["--security-opt", "no-new-privileges", "--memory", "256m", "--log-opt", "max-size=5m"],
    ...["--network", network.name, "--network-alias", receiverName, "--ip", addresses[receiverName]!],
    ...["--mount", `type=volume,src=${name},dst=/var/lib/fairlead-receiver`],
    ...["--env", `FAIRLEAD_HOSTS=${hosts.join(",")}`],
  ] // biome-ignore format: one group of options per line
  const image = await toolboxImage("host")
  return { name, options, image, argv: ["fairlead-demo-receiver"], port: receiverPort, from: 19_007, step: 1 }
}

async function isWell(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) })).ok
  } catch {
    return false
  }
}

/** What a service said of itself when it started. */
export interface Report {
  number: number
  time: string
  /** The host that it came from; null where the address is nobody's. */
  host: string | null
  from: string
  service: string | null
  image: string | null
  git_sha: string | null
  sbom: { sha256: string; bytes: number; packages: number } | null
}

/** All that the receiver keeps, the newest last; undefined where it does not answer. */
export async function reportsAt(url: string): Promise<Report[] | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) })
    if (!answer.ok) return undefined
    return (await answer.text())
      .split("\n")
      .filter(Boolean)
      .map((each) => JSON.parse(each) as Report)
  } catch {
    return undefined
  }
}

/** The last thing that each service on each host said. */
export function latest(reports: readonly Report[]): Report[] {
  const byService = new Map(reports.map((each) => [`${each.from} ${each.service}`, each]))
  return [...byService.values()].sort((a, b) => `${a.host} ${a.service}`.localeCompare(`${b.host} ${b.service}`, "en"))
}
