import type { FamilyState, FleetState } from "../state.ts"
import { byWorst, lookedBy, lookers, severities, type Vulnerability, vulnerabilities } from "../vulnerabilities.ts"
import { count, day, listed } from "../words.ts"
import { chip } from "./chip.ts"
import { html, type Markup } from "./markup.ts"
import { points, trend } from "./trend.ts"

/** What is vulnerable now, and how that went from release to release. */
export function vulnerable({ families }: FleetState): Markup {
  const known = families.filter(({ release }) => release)
  const now = everywhere(known)
  return html`<section id="vulnerabilities" aria-labelledby="vulnerabilities-title">
<h2 id="vulnerabilities-title">Vulnerabilities</h2>
${unlooked(known)}
${now.length > 0 ? listOf(now) : known.some(({ gates }) => lookedBy(gates).length > 0) ? html`<p>None was found where somebody looked.</p>` : ""}
${trends(known)}
</section>`
}

/** Where nobody looked, said before any number. */
function unlooked(known: FamilyState[]): Markup {
  if (known.length === 0) return html`<p class="quiet">Nothing is known: there is no record.</p>`
  const gaps = known.flatMap(({ family, gates }) => {
    const looked = lookedBy(gates)
    const missing = lookers.filter((name) => !looked.includes(name))
    return missing.length > 0 ? [{ family, missing: listed(missing) }] : []
  })
  if (gaps.length === 0) return html``
  const by = new Map<string, string[]>()
  for (const { family, missing } of gaps) by.set(missing, [...(by.get(missing) ?? []), family])
  return html`<div class="notice">${[...by].map(([missing, names]) => html`<p>${chip("UNCHECKED", "nobody looked")} through <strong>${missing}</strong> at ${names.length === known.length ? "any family" : listed(names)}, so what follows is not the whole.</p>`)}</div>`
}

interface Everywhere {
  found: Vulnerability
  families: string[]
  services: number
}

/** Each weakness once, with all families that carry it. */
function everywhere(known: FamilyState[]): Everywhere[] {
  const all = new Map<string, Everywhere>()
  for (const { family, gates, services } of known) {
    for (const found of vulnerabilities(gates)) {
      const key = [found.package, found.ids[0], found.installed, found.accepted?.reviewBy].join("\0")
      const each = all.get(key) ?? { found, families: [], services: 0 }
      each.families.push(family)
      each.services += services.length
      all.set(key, each)
    }
  }
  return [...all.values()].sort((a, b) => byRank(a, b) || b.services - a.services || byWorst(a.found, b.found))
}

/** Open before accepted, the severest first; among those what most services run on. */
const byRank = ({ found: a }: Everywhere, { found: b }: Everywhere): number =>
  Number(a.accepted !== undefined) - Number(b.accepted !== undefined) ||
  severities.indexOf(a.severity) - severities.indexOf(b.severity)

const most = 12

const listOf = (all: Everywhere[]): Markup => html`${tableOf(all.slice(0, most))}
${all.length > most ? html`<details class="more"><summary>${all.length - most} more</summary>${tableOf(all.slice(most))}</details>` : ""}`

const tableOf = (all: Everywhere[]): Markup => html`<div class="frame"><table class="cards">
<thead><tr><th scope="col">Package</th><th scope="col">Severity</th><th scope="col">Known as</th><th scope="col">Fixed in</th><th scope="col">Where</th><th scope="col">State</th></tr></thead>
<tbody>${all.map(row)}</tbody></table></div>`

const row = ({ found, families, services }: Everywhere): Markup => html`<tr>
<th scope="row">${found.package} <span class="quiet">${found.installed}</span></th>
<td data-label="severity"><span class="severity ${found.severity.toLowerCase()}">${found.severity.toLowerCase()}</span></td>
<td data-label="known as"><code>${found.ids[0]}</code>${found.ids.length > 1 ? html` <span class="quiet">${found.ids.slice(1, 4).join(", ")}</span>` : ""}</td>
<td data-label="fixed in">${found.fixed.length > 0 ? found.fixed.slice(0, 3).join(", ") : html`<span class="quiet">${found.accepted ? "see the record" : "no fix known"}</span>`}</td>
<td data-label="where">${listed(families)} <span class="quiet nowrap">${count(services, "service")}</span></td>
<td data-label="state">${found.accepted ? chip("ACCEPTED", `until ${day(found.accepted.reviewBy)}`) : chip("FAIL", "open")}</td></tr>`

function trends(known: FamilyState[]): Markup {
  const all = known.map(({ family, release, before }) => ({ family, points: points([release!, ...before]) }))
  if (all.length === 0) return html``
  return html`<h3>From release to release</h3>
<ul class="key"><li><span class="swatch critical"></span>critical</li><li><span class="swatch high"></span>high</li><li><span class="swatch other"></span>milder</li><li><span class="swatch accepted"></span>accepted</li><li><span class="swatch clean"></span>looked, none</li><li><span class="swatch unlooked"></span>nobody looked</li></ul>
<div class="trends">${all.map(({ family, points }) => trend(family, points))}</div>
<details class="more"><summary>As a table</summary><div class="frame"><table class="cards"><thead><tr><th scope="col">Family</th><th scope="col">Release</th><th scope="col">Looked</th><th scope="col" class="number">Critical</th><th scope="col" class="number">High</th><th scope="col" class="number">Milder</th><th scope="col" class="number">Accepted</th></tr></thead>
<tbody>${all.flatMap(({ family, points }) =>
    [...points].reverse().map((point) => {
      const number = (count: number) => (point.looked.length > 0 ? String(count) : "not known")
      return html`<tr><th scope="row">${family}</th><td data-label="release">${day(point.at)} <code>${point.digest.slice(7, 19)}</code></td><td data-label="looked">${listed(point.looked) || "nobody"}</td><td data-label="critical" class="number">${number(point.critical)}</td><td data-label="high" class="number">${number(point.high)}</td><td data-label="milder" class="number">${number(point.other)}</td><td data-label="accepted" class="number">${number(point.accepted)}</td></tr>`
    }),
  )}</tbody></table></div></details>`
}
