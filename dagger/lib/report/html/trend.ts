import type { Release, Standing } from "../state.ts"
import { lookedBy, lookers, type Severity, vulnerabilities } from "../vulnerabilities.ts"
import { count, day } from "../words.ts"
import { html, type Markup } from "./markup.ts"

/** What one release carried; `looked` names the gates that saw, and without both no number is whole. */
export interface Point {
  at: string
  digest: string
  looked: string[]
  critical: number
  high: number
  other: number
  accepted: number
}

/** A family's releases as points, the oldest first. */
export const points = (releases: readonly Release[]): Point[] =>
  [...releases].reverse().map((release) => {
    const gates = Object.entries(release.gates).map(([name, { verdict, findings, facts, accepted = [] }]) => {
      return { name, standing: verdict as Standing, findings, facts, accepted }
    })
    const found = vulnerabilities(gates)
    const of = (...severities: Severity[]) =>
      found.filter((each) => !each.accepted && severities.includes(each.severity)).length
    return {
      at: release.at ?? "",
      digest: release.digest,
      looked: lookedBy(gates),
      critical: of("CRITICAL"),
      high: of("HIGH"),
      other: of("MEDIUM", "LOW", "UNKNOWN"),
      accepted: found.filter((each) => each.accepted).length,
    }
  })

const most = 24
const [column, gap, height] = [14, 4, 64]

/** A column per release, the newest last. Where nobody looked there is an empty frame, not a zero. */
export function trend(family: string, all: readonly Point[]): Markup {
  const shown = all.slice(-most)
  // A scale of its own for each family: one that has a hundred would flatten the five of another.
  const highest = Math.max(5, ...shown.map((each) => each.critical + each.high + each.other + each.accepted))
  const width = shown.length * (column + gap)
  const last = shown.at(-1)!
  return html`<figure class="trend"><figcaption><strong>${family}</strong> <span class="quiet">${told(last)}</span></figcaption>
<div><svg viewBox="0 0 ${width} ${height + 2}" width="${width}" height="${height + 2}" role="img" aria-label="${family}: ${count(shown.length, "release")}, the newest: ${told(last)}">
<line class="axis" x1="0" x2="${width}" y1="${height + 1}" y2="${height + 1}"/>
${shown.map((point, index) => bar(point, index * (column + gap) + gap / 2, highest))}</svg>
<p class="quiet ends"><span>${shown.length > 1 ? day(shown[0]!.at) : ""}</span><span>${day(last.at)}</span></p></div></figure>`
}

const told = ({ looked, critical, high, other, accepted }: Point): string => {
  if (looked.length === 0) return "nobody looked"
  const only = looked.length < lookers.length ? ` (${looked.join()} only)` : ""
  return `${critical + high + other} open, ${accepted} accepted${only}`
}

function bar(point: Point, x: number, highest: number): Markup {
  const title = html`<title>${day(point.at)}: ${told(point)}</title>`
  if (point.looked.length === 0)
    return html`<g class="unlooked">${title}<rect x="${x + 1}" y="${height - 22}" width="${column - 2}" height="21" rx="2"/><text x="${x + column / 2}" y="${height - 7}" text-anchor="middle">?</text></g>`
  let top = height
  const part = (name: string, number: number): Markup => {
    const tall = (number / Math.max(1, highest)) * (height - 4)
    top -= tall
    return number > 0
      ? html`<rect class="${name}" x="${x}" y="${top.toFixed(1)}" width="${column}" height="${tall.toFixed(1)}"/>`
      : html``
  }
  const parts = [
    part("accepted", point.accepted),
    part("other", point.other),
    part("high", point.high),
    part("critical", point.critical),
  ]
  const none = point.critical + point.high + point.other + point.accepted === 0
  return html`<g>${title}${none ? html`<rect class="clean" x="${x}" y="${height - 3}" width="${column}" height="3"/>` : ""}${parts}</g>`
}
