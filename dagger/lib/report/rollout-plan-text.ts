import { pc } from "./colours.ts"
import type { RolloutPlanDocument } from "./rollout-plan.ts"
import { bytes, duration, line, table } from "./text.ts"

type Host = RolloutPlanDocument["hosts"][number]
type Service = Host["services"][number] & { host: string }

/** The plan for people: each service that changes on a line, by wave; those that stay are counted. */
export function rolloutPlanText(plan: RolloutPlanDocument): string {
  const all = plan.hosts.flatMap(({ host, services }) => services.map((each): Service => ({ ...each, host })))
  const changing = all.filter(({ action }) => action !== "unchanged")
  const rows = plan.waves.flatMap((wave) =>
    changing.filter((each) => each.wave === wave).map((each, index) => [index === 0 ? wave : "", ...cells(each)]),
  )
  const parts = [
    [line("plan", headline(plan, all)), ...plan.hosts.flatMap(tagLines)],
    rows.length > 0 ? [table(["wave", "service", "host", "does", "image", "why", "no service for"], rows)] : [],
    [
      ...(changing.length > 0 && plan.unchanged > 0
        ? [line("others", `${plan.unchanged} container${plan.unchanged === 1 ? "" : "s"} unchanged`)]
        : []),
      ...(changing.length > 0 ? [line("pull", plan.hosts.map(pullText).join(" · "))] : []),
      ...(changing.length > 0 ? [line("back", plan.hosts.flatMap((host) => backText(host)).join(" · "))] : []),
      ...standInLines(all),
      ...(plan.leftOut.length > 0 ? [line("left out", leftOutText(plan))] : []),
      ...plan.hosts.flatMap(strangerLines),
    ],
    plan.refusals.flatMap(({ host, service, what, fix }) => [
      line("refused", `${pc.red(`${service} on ${host}`)}: ${what}`),
      line("fix", fix),
    ]),
  ]
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join("\n"))
    .join("\n\n")
}

function headline({ id, verb, yard, registry, refusals }: RolloutPlanDocument, all: readonly Service[]): string {
  const changing = all.filter(({ action }) => action !== "unchanged")
  const [some, total] = [names(changing), names(all)]
  const does = verb === "rollback" ? (some === 1 ? "goes back" : "go back") : some === 1 ? "changes" : "change"
  const containers = changing.length > some ? `, in ${changing.length} containers` : ""
  const what =
    total === 0
      ? "there is nothing to deploy"
      : some === 0
        ? `nothing to do: ${total === 1 ? "1 service" : `all ${total} services`} unchanged`
        : `${some} of ${total} services ${does}${containers}`
  return `${id} · ${what} · ${yard}, registry ${registry}${refusals.length > 0 ? ` · ${pc.red("refused")}` : ""}`
}

/** A service on two hosts is one service in two containers. */
const names = (services: readonly Service[]): number => new Set(services.map(({ service }) => service)).size

/** Nothing is said of a host that runs what was released last: that is what everybody expects. */
function tagLines({ host, tag, chosenBy, pin, expiredPin }: Host): string[] {
  const until = pin?.until === undefined ? "" : ` until ${pin.until}`
  const by = {
    current: [],
    tag: [line("tag", `${host} gets ${tag}`)],
    environment: [line("tag", `${host} gets ${tag}: FORCE_IMAGE_TAG says so`)],
    snapshot: [line("back to", `${host}: what was good there as ${tag}`)],
    pin: [],
  }[chosenBy]
  return [
    ...by,
    ...(pin ? [line("pin", `${host} is pinned to ${pc.yellow(pin.tag)}${until} by ${pin.by}: ${pin.reason}`)] : []),
    ...(expiredPin
      ? [line("pin", `${host} was pinned to ${expiredPin.tag} until ${expiredPin.until}: that holds no more`)]
      : []),
  ]
}

const cells = (each: Service): string[] => [
  each.standIn ? `${each.service} (stand-in)` : each.service,
  each.host,
  each.action,
  imageText(each),
  each.reasons.map((reason) => (reason === "digest" ? "another image" : reason)).join("; "),
  each.downSeconds === undefined ? "" : `~${duration(each.downSeconds)}`,
]

/** Releases where they tell the images apart, digests where they do not. */
function imageText({ from, to, action }: Service): string {
  const short = (digest?: string) => digest?.slice(7, 14) ?? "?"
  if (!from) return to.tag
  if (from.digest === to.digest || action === "start" || action === "finish") return to.tag
  if (from.tag === undefined || from.tag === to.tag)
    return `${from.tag ?? "by hand"} ${short(from.digest)} → ${to.tag} ${short(to.digest)}`
  return `${from.tag} → ${to.tag}`
}

function pullText({ host, pull: { bytes: count, images, unknown, mirror } }: Host): string {
  if (images.length === 0) return `${host} nothing`
  const open = unknown.length > 0 ? `${unknown.length} image${unknown.length > 1 ? "s" : ""} of unknown size` : ""
  const known = images.length > unknown.length ? bytes(count) : ""
  return `${host} ${[known, open].filter(Boolean).join(" and ")}${mirror ? ` by ${mirror}` : ""}`
}

/** What takes over when something fails, and whether it is at hand. */
function backText({ host, services }: Host): string[] {
  const ways = services.flatMap(({ back }) => (back ? [back] : []))
  if (ways.length === 0) return []
  const count = (at: string) =>
    ways.filter((way) => (way.to === "removed" ? "removed" : (way.at ?? "unknown")) === at).length
  const said = [
    [count("host"), "there"],
    [count("registry"), "only in the registry"],
    [count("unknown"), "not known to be there"],
    [count("nowhere"), pc.red("nowhere")],
    [count("removed"), "removed again: a first deploy"],
  ] as const
  return [`${host} ${said.flatMap(([number, what]) => (number > 0 ? [`${number} ${what}`] : [])).join(", ")}`]
}

function standInLines(all: readonly Service[]): string[] {
  const standIns = all.filter(({ standIn }) => standIn)
  if (standIns.length === 0) return []
  const taken = names(standIns.filter(({ stoodInFor }) => stoodInFor !== undefined))
  const also = taken > 0 ? `; for ${taken} of them this yard has no GPU or image` : ""
  return [
    line("stand-in", `${names(standIns)} of ${names(all)} services run the stand-in, no code of their own${also}`),
  ]
}

function leftOutText({ leftOut }: RolloutPlanDocument): string {
  const all = [...new Set(leftOut.map(({ service }) => service))]
  const some = all.length > 3 ? `${all.slice(0, 3).join(", ")}, …` : all.join(", ")
  return `${all.length} stand-in${all.length > 1 ? "s" : ""} (${some}): fleet.yaml names no code of theirs; --stand-ins deploys them all the same`
}

const strangerLines = ({ host, strangers }: Host): string[] =>
  strangers.length === 0
    ? []
    : [line("left", `${strangers.join(", ")} on ${host}: there, and not in fleet.yaml any more; not touched`)]
