import { harmless } from "../../dagger/lib/engine/engine.ts"
import type { DemoYard } from "../../dagger/lib/fleet/demo.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { pc } from "../../dagger/lib/report/colours.ts"
import { bytes, line, table } from "../../dagger/lib/report/text.ts"
import { run } from "../setup/command.ts"
import { inspected } from "./docker.ts"
import { inHost, silence, wantedHost } from "./host.ts"
import { latest, type Report, reportsAt } from "./observability.ts"
import { inYard } from "./yard.ts"

/** What `demo status --json` prints; docs/schema/demo.schema.json. */
export interface DemoStatus {
  schema: 1
  /** Undefined while no yard is up. */
  yard?: DemoYard
  hosts: HostStatus[]
  /** The last report of each service on each host; undefined where the receiver does not answer. */
  reports?: Report[]
}

interface HostStatus {
  host: string
  /** What is wrong with it. */
  problem?: string
  /** Memory of the host with everything that runs on it. */
  memory?: number
  /** Containers that run on it. */
  containers?: number
}

export async function demoStatus(fleet: Fleet, yard: DemoYard | undefined): Promise<DemoStatus> {
  if (!yard) return { schema: 1, hosts: [] }
  const [hosts, reports] = await Promise.all([
    Promise.all(Object.keys(yard.hosts).map((host) => hostStatus(fleet, yard, host))),
    reportsAt(yard.observability.url),
  ])
  return { schema: 1, yard, hosts, ...(reports && { reports: latest(reports) }) }
}

/** What was just found to be up, without another look. */
export const asReadied = (yard: DemoYard | undefined): DemoStatus => ({
  schema: 1,
  yard,
  hosts: Object.keys(yard?.hosts ?? {}).map((host) => ({ host })),
})

async function hostStatus(fleet: Fleet, { disk }: DemoYard, host: string): Promise<HostStatus> {
  if (!fleet.hosts[host]) return { host, problem: "fleet.yaml names it no more" }
  const there = await inspected(await wantedHost(fleet, host, { disk }))
  if (!there) return { host, problem: "its container is gone" }
  const problem = await silence(host, there)
  if (problem) return { host, problem }
  const [memory, containers] = await Promise.all([
    memoryOf(host),
    run([...inHost(host), "docker", "ps", "--quiet"]).then(({ stdout }) => stdout.split("\n").filter(Boolean).length),
  ])
  return { host, memory, containers }
}

/** As the kernel counts it for the host's control group and those below, without what it only keeps as a cache of files. */
async function memoryOf(host: string): Promise<number | undefined> {
  const folders = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"]
  for (const [folder, used] of [
    [folders[0], "memory.usage_in_bytes"],
    [folders[1], "memory.current"],
  ]) {
    const { exitCode, stdout } = await run([...inHost(host), "cat", `${folder}/${used}`, `${folder}/memory.stat`])
    if (exitCode !== 0) continue
    const cached = /^(?:total_inactive_file|inactive_file) (\d+)$/gm
    const inactive = [...stdout.matchAll(cached)].map(([, amount]) => Number(amount))
    return Number.parseInt(stdout, 10) - Math.max(0, ...inactive)
  }
  return undefined
}

export function demoText({ yard, hosts, reports }: DemoStatus): string {
  if (!yard) return line("demo", "no yard is up: fairlead demo up")
  const looked = hosts.some(({ problem, memory }) => problem !== undefined || memory !== undefined)
  const rows = hosts.map(({ host, problem, memory, containers }) => {
    const { address, port, gpu } = yard.hosts[host]!
    const told = gpu ? `${gpu.name}, driver ${gpu.driver} (stand-in)` : "no GPU"
    const state = [problem ? pc.red(problem) : "up", `${containers ?? "–"}`, memory === undefined ? "–" : bytes(memory)]
    return [host, `${address}:${port}`, told, ...(looked ? state : [])]
  })
  return [
    line("demo", `${yard.name} for ${yard.fleet}, network ${yard.network.name} ${yard.network.subnet}`),
    table(["host", "SSH", "GPU", ...(looked ? ["state", "containers", "memory"] : [])], rows),
    ...(looked ? [reportLines(yard, reports)] : []),
    line("next", `ssh -F ${inYard("ssh_config")} ${hosts[0]?.host} · fairlead demo status · fairlead demo down`),
  ].join("\n\n")
}

function reportLines({ observability }: DemoYard, reports: Report[] | undefined): string {
  if (!reports) return line("reports", `${pc.red("the receiver does not answer")} on ${observability.url}`)
  if (reports.length === 0) return line("reports", `none yet, ${observability.url}`)
  const rows = reports.map((each) => [
    each.host ?? each.from,
    shown(each.service),
    shown(each.image && shortened(each.image)),
    shown(each.git_sha?.slice(0, 7)),
    each.sbom ? `${each.sbom.packages} pkg` : "no SBOM",
    each.time.slice(0, 19).replace("T", " "),
  ])
  const head = ["host", "service", "image", "commit", "SBOM", "last reported (UTC)"]
  return [line("reports", observability.url), table(head, rows)].join("\n")
}

/** "127.0.0.1:5000/my-fleet/family-web@sha256:<64 digits>" is too long for a table: "family-web@sha256:0123456789ab". */
const shortened = (image: string): string => image.replace(/^.*\//, "").replace(/(sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1")

/** Anybody in the yard's network may have sent it. */
const shown = (text: string | null | undefined): string => harmless(text ?? "–")
