import { z } from "zod"
import type { Fleet } from "../fleet/fleet.ts"
import { digestIn } from "../release/reference.ts"
import { shortImage } from "../rollout/host/names.ts"
import { few as someOf } from "../rollout/preflight/check.ts"
import { type Asked, lastReport } from "../rollout/status/reports.ts"
import { isIll, isWell } from "../rollout/status/service.ts"
import { exitCodeOf, type HostStatus } from "../rollout/status/status.ts"
import { pc } from "./colours.ts"
import { bytes, duration, line } from "./text.ts"

const image = z.string().nullable()

/** What `status --json` prints. */
export const statusSchema = z.object({
  schema: z.literal(1).describe("The version of this document's format."),
  at: z.string().describe("When the hosts were asked, in UTC."),
  yard: z.string().describe('"fleet.yaml", or the name of the demo yard whose hosts were asked in its place.'),
  well: z.boolean().describe("Every host was asked, and every service serves as it was deployed."),
  receiver: z
    .object({ asked: z.boolean(), url: z.string().optional(), why: z.string().optional() })
    .describe("The observability receiver; why it was not asked."),
  hosts: z.array(
    z.object({
      host: z.string(),
      address: z.string(),
      reachable: z.boolean(),
      problem: z
        .object({ reason: z.enum(["key", "permission", "network", "lost", "slow", "unreadable"]), message: z.string() })
        .optional()
        .describe("Why the host could not be asked. Then nothing else of it is known."),
      docker: z.string().optional(),
      freeBytes: z.number().optional(),
      deployed: z
        .object({ seq: z.number(), run: z.string(), tag: z.string(), services: z.number() })
        .optional()
        .describe("What was called good last; absent where nothing was deployed."),
      services: z.array(
        z.object({
          service: z.string(),
          container: z.string(),
          wave: z.string().optional(),
          standIn: z.boolean(),
          wanted: image.describe("What was deployed last, by digest; null where nothing was."),
          running: image.describe("The image of the container that runs, if one does."),
          health: z
            .enum(["healthy", "starting", "unhealthy", "none", "restarting", "down"])
            .describe("none: it has no probe."),
          drift: z
            .array(z.enum(["missing", "stopped", "image", "definition", "by-hand", "unfinished", "unknown"]))
            .describe(
              "missing: no container; image, definition: another one than was deployed; by-hand: no rollout made it; " +
                "unfinished: no run called it good; unknown: fleet.yaml has no such service there.",
            ),
          tag: z.string().optional(),
          run: z.string().optional(),
          startedAt: z.string().optional(),
          restarts: z.number(),
          outOfMemory: z.boolean(),
          exitCode: z.number().optional(),
          reported: z
            .string()
            .nullable()
            .optional()
            .describe("The image that it last reported; null for no report, absent where the receiver was not asked."),
        }),
      ),
      pin: z
        .object({
          tag: z.string(),
          reason: z.string(),
          by: z.string(),
          at: z.string(),
          until: z.string().optional(),
          expired: z.boolean(),
        })
        .nullable(),
      lock: z
        .object({
          token: z.number(),
          run: z.string(),
          owner: z.string(),
          verb: z.string(),
          ageSeconds: z.number(),
          stale: z.boolean(),
          working: z.boolean(),
        })
        .optional(),
      unfinished: z.array(z.string()).describe("Runs that nobody works on any more: `fairlead deploy` finishes them."),
      kept: z.array(z.string()).describe("Containers that failed and are kept for a look."),
    }),
  ),
})

/** The document; `z.infer` of its schema. */
export type StatusDocument = z.infer<typeof statusSchema>
type HostAnswer = StatusDocument["hosts"][number]

export interface Stood {
  at: string
  yard: string
  fleet: Fleet
  hosts: readonly HostStatus[]
  /** By host: "127.0.0.1:22001". */
  addresses: Readonly<Record<string, string>>
  receiver: Asked
}

export function statusDocument({ at, yard, fleet, hosts, addresses, receiver }: Stood): StatusDocument {
  const reportedBy = (service: string, host: string) => {
    if (!("reports" in receiver)) return {}
    return { reported: lastReport(fleet, receiver.reports, { service, host })?.image ?? null }
  }
  return {
    ...{ schema: 1, at, yard, well: exitCodeOf(hosts) === 0 },
    receiver: "reports" in receiver ? { asked: true, url: receiver.url } : { asked: false, ...receiver },
    hosts: hosts.map(({ problem, services, ...host }) => ({
      ...host,
      address: addresses[host.host] ?? "",
      ...(problem && { problem: { ...problem, reason: problem.reason as "lost" } }),
      services: services.map((each) => ({ ...each, ...reportedBy(each.service, host.host) })),
    })),
  }
}

/** The same for people: the healthy ones counted, a line for each thing that is not as it should be. */
export function statusText(document: StatusDocument, { all = false }: { all?: boolean } = {}): string {
  const { yard, hosts } = document
  const parts = hosts.map((host) => hostLines(host, all).join("\n"))
  const next = nextStep(hosts)
  return [
    line("yard", yard),
    ...parts,
    [reportedLine(document), line("status", ending(hosts)), ...(next ? [line("next", next)] : [])].join("\n"),
  ].join("\n\n")
}

function hostLines(host: HostAnswer, all: boolean): string[] {
  const { docker, freeBytes, deployed, services, pin, problem } = host
  if (problem) return [line(host.host, host.address), line("", `${pc.red("not asked")}: ${problem.message}`)]
  const seen = [host.address, docker && `Docker ${docker}`, freeBytes !== undefined && `${bytes(freeBytes)} free`]
  const neverDeployed = !deployed && services.every(({ drift }) => drift.includes("missing"))
  return [
    line(host.host, seen.filter(Boolean).join(" · ")),
    ...(deployed ? [line("", `run ${deployed.run}, ${deployed.tag || "no tag"}, ${deployed.services} services`)] : []),
    ...(neverDeployed && !all
      ? [line("", `nothing was deployed yet: ${services.length} services of fleet.yaml are to come`)]
      : serviceLines(services, all)),
    ...(pin ? [line("pin", pinWords(pin))] : []),
    ...runLines(host),
    ...(host.kept.length > 0
      ? [line("kept", `${names(host.kept)}: failed, kept for a look (docker logs), until \`fairlead prune\``)]
      : []),
  ]
}

function serviceLines(services: readonly Service[], all: boolean): string[] {
  const waves = [...new Set(services.map(({ wave }) => wave))]
  return waves.flatMap((wave) => {
    const own = services.filter((each) => each.wave === wave)
    const well = own.filter(isWell)
    const told = all ? own : own.filter((each) => !isWell(each))
    const starting = well.filter(({ health }) => health === "starting").length
    const standIns = own.filter(({ standIn }) => standIn).length
    const count = [
      `${well.length - starting} of ${own.length} healthy`,
      ...(starting > 0 ? [`${starting} starting`] : []),
      ...(standIns > 0 ? [standIns === own.length ? "all stand-ins" : `${standIns} stand-ins`] : []),
    ].join(", ")
    const head = wave === undefined ? [] : [line("", `${wave}: ${count}`)]
    return [...head, ...told.map((each) => line("", `  ${serviceLine(each)}`))]
  })
}

type Service = HostAnswer["services"][number]

function serviceLine(each: Service): string {
  const { service, wanted, running, health, restarts, outOfMemory, standIn } = each
  const mark = isWell(each) ? pc.green("●") : pc.red("✗")
  const drift = each.drift.map((one) => driftWords(one, each))
  const ill = isIll(health) && !each.drift.includes("missing") && !each.drift.includes("stopped")
  return [
    `${mark} ${service}`,
    [
      ...(ill ? [pc.red(health)] : isWell(each) ? [health] : []),
      ...drift,
      ...(isWell(each) ? [shortImage(running ?? wanted ?? "")] : []),
      ...(standIn && isWell(each) ? ["a stand-in"] : []),
      ...(restarts > 0 ? [`restarted ${restarts} times`] : []),
      ...(outOfMemory ? ["ran out of memory"] : []),
    ].join(", "),
  ].join("  ")
}

function driftWords(drift: Service["drift"][number], { wanted, running, exitCode, run }: Service): string {
  switch (drift) {
    case "missing":
      return wanted ? `missing, ${shortImage(wanted)} was deployed` : "never deployed there"
    case "stopped":
      return `stopped${exitCode === undefined ? "" : `, exit code ${exitCode}`}`
    case "image":
      return `runs ${running ? shortImage(running) : "another image"}, ${wanted ? shortImage(wanted) : "another"} was deployed`
    case "definition":
      return "was started otherwise than it was deployed"
    case "by-hand":
      return "made by hand, not by a rollout"
    case "unfinished":
      return `run ${run ?? "?"} switched to it and was not finished`
    case "unknown":
      return "fleet.yaml has no such service there"
  }
}

const names = (all: readonly string[]): string => someOf(all, 6)

const ago = (seconds: number): string => `${duration(seconds)} ago`

const pinWords = ({ tag, reason, by, until, expired }: NonNullable<HostAnswer["pin"]>): string =>
  expired
    ? `${tag} ${pc.yellow(`expired on ${until}`)} (${by}: ${reason}); it holds no more: \`fairlead unpin\` removes it`
    : `${tag}${until ? ` until ${until}` : ""}, ${by}: ${reason}`

function runLines({ lock, unfinished }: HostAnswer): string[] {
  const held = lock && [
    line("lock", `${lock.owner}: ${lock.verb}, run ${lock.run}, heard of ${ago(lock.ageSeconds)}${lockEnd(lock)}`),
  ]
  return [
    ...(held ?? []),
    ...(unfinished.length > 0
      ? [line("run", `${pc.yellow("not finished")}: ${names(unfinished)}; \`fairlead deploy\` finishes or undoes it`)]
      : []),
  ]
}

const lockEnd = ({ stale, working }: NonNullable<HostAnswer["lock"]>): string =>
  working ? ", the host works on it" : stale ? "; the next run takes over" : ""

function reportedLine({ receiver, hosts }: StatusDocument): string {
  if (!receiver.asked)
    return line(
      "reports",
      `not asked${receiver.why ? `: ${receiver.why}` : ""}${receiver.url ? ` (${receiver.url})` : ""}`,
    )
  const running = hosts.flatMap(({ host, services }) =>
    services.filter((each) => each.running !== null).map((each) => ({ host, ...each })),
  )
  const digest = (image: string | null | undefined) => (image ? (digestIn(image) ?? image) : undefined)
  const others = running.filter((each) => digest(each.reported) !== digest(each.running))
  const told = `${running.length - others.length} of ${running.length} services reported the image that they run`
  const silent = others.map(
    ({ host, service, reported }) => `${service} on ${host}${reported ? ` (${shortImage(reported)})` : ""}`,
  )
  return line("reports", others.length > 0 ? `${told}; not ${names(silent)}` : told)
}

function ending(hosts: readonly HostAnswer[]): string {
  const silent = hosts.filter(({ reachable }) => !reachable).map(({ host }) => host)
  const services = hosts.flatMap((host) => host.services)
  const ill = services.filter((each) => !isWell(each)).length
  const told = `${services.length - ill} of ${services.length} services as deployed`
  const asked = silent.length > 0 ? [`${pc.red("could not ask")} ${silent.join(", ")}`] : []
  return [...asked, ill > 0 ? pc.red(told) : told].join("; ")
}

function nextStep(hosts: readonly HostAnswer[]): string | undefined {
  const drifted = hosts.some(({ services }) => services.some((each) => each.drift.length > 0))
  if (hosts.some(({ unfinished }) => unfinished.length > 0) || drifted) return "fairlead deploy"
  const ill = hosts.flatMap(({ host, services }) =>
    services.filter((each) => isIll(each.health)).map((each) => ({ host, ...each })),
  )
  return ill[0] ? `look at its log on ${ill[0].host}: docker logs --tail 50 ${ill[0].container}` : undefined
}
