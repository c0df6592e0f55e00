import type { Package } from "../../release/contents.ts"
import { type Change, changeOf, previousOf } from "../packages.ts"
import type { FamilyState, FleetState } from "../state.ts"
import { count, day, difference, listed } from "../words.ts"
import { html, type Markup } from "./markup.ts"

/** What each family's newest release has that the one before it had not. */
export const changes = ({ families }: FleetState): Markup => {
  const known = families.filter(({ release }) => release)
  const all = new Map(known.map((family) => [family.family, changeIn(family)]))
  return html`<section id="changes" aria-labelledby="changes-title">
<h2 id="changes-title">Since the last release</h2>
${known.length === 0 ? html`<p class="quiet">Nothing is known: there is no record.</p>` : html`<div class="changes">${known.map((family) => one(family, all))}</div>`}
</section>`
}

function changeIn({ release, before }: FamilyState): Change | undefined {
  const previous = previousOf(release!, before)
  return previous && changeOf(previous, release!)
}

function one({ family, release, before, parent }: FamilyState, all: ReadonlyMap<string, Change | undefined>): Markup {
  const previous = previousOf(release!, before)
  if (!previous)
    return html`<div class="change"><h3>${family}</h3><p class="quiet">The first release that is known here.</p></div>`
  const since = previous.at
    ? html`<p class="quiet">since ${day(previous.at)}, <code>${previous.digest.slice(7, 19)}</code></p>`
    : ""
  const change = all.get(family)
  if (!change)
    return html`<div class="change"><h3>${family}</h3>${since}<p class="quiet">Not known: one of the two records does not tell its packages.</p></div>`
  const below = parent === undefined ? undefined : all.get(parent)
  const own = below ? without(change, below) : change
  const shared = number(change) - number(own)
  return html`<div class="change"><h3>${family}</h3>${since}
<p>${summary(change)}</p>
${shared > 0 ? html`<p class="quiet">${shared === number(change) ? "All" : shared} of it with ${parent}.</p>` : ""}${lines(own)}</div>`
}

const number = ({ added, removed, changed }: Change): number => added.length + removed.length + changed.length

/** What is this family's own: the rest is told where it comes from. */
function without(change: Change, { added, removed, changed }: Change): Change {
  const key = (each: object) => JSON.stringify(each)
  const known = new Set([...added, ...removed, ...changed].map(key))
  const own = <T extends object>(all: T[]): T[] => all.filter((each) => !known.has(key(each)))
  return { ...change, added: own(change.added), removed: own(change.removed), changed: own(change.changed) }
}

function summary(change: Change): string {
  const { added, removed, changed, compressed, uncompressed } = change
  const packages = [
    changed.length > 0 ? `${count(changed.length, "package")} in another version` : "",
    added.length > 0 ? `${added.length} added` : "",
    removed.length > 0 ? `${removed.length} removed` : "",
  ].filter(Boolean)
  const sizes =
    compressed === 0 && uncompressed === 0
      ? "the same size"
      : `${difference(compressed)} pulled, ${difference(uncompressed)} on disk`
  return `${listed(packages) || "The same packages"}; ${sizes}.`
}

const most = 8

function lines({ added, removed, changed }: Change): Markup {
  const all = [
    ...changed.map(
      ({ name, from, to }) =>
        html`<li><span class="mark">→</span>${name} <span class="quiet">${from}</span> → ${to}</li>`,
    ),
    ...added.map((each) => item("+", each)),
    ...removed.map((each) => item("−", each)),
  ]
  if (all.length === 0) return html``
  return html`<ul class="diff">${all.slice(0, most)}</ul>${all.length > most ? html`<details class="more"><summary>${all.length - most} more</summary><ul class="diff">${all.slice(most)}</ul></details>` : ""}`
}

const item = (mark: string, { name, version }: Package): Markup =>
  html`<li><span class="mark">${mark}</span>${name} <span class="quiet">${version}</span></li>`
