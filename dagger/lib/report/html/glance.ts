import { dayOf, daysBetween } from "../../risks/day.ts"
import type { FamilyState, FleetState, GateState, Standing } from "../state.ts"
import { gateOrder } from "../state.ts"
import { bytes } from "../text.ts"
import { lookedBy, lookers, vulnerabilities } from "../vulnerabilities.ts"
import { count, day, listed } from "../words.ts"
import { chip, sign, tally } from "./chip.ts"
import { html, type Markup } from "./markup.ts"

/** What the state is at a glance: four figures, then a row for each family. */
export function glance(state: FleetState): Markup {
  const gates = gateOrder(state.families.flatMap((each) => each.gates.map(({ name }) => name)))
  return html`<section id="state" aria-labelledby="state-title">
<h2 id="state-title">State</h2>
<div class="figures">${figures(state)}</div>
<div class="frame"><table class="matrix cards">
<caption class="quiet">Each family's newest image as its record tells it.</caption>
<thead><tr><th scope="col">Family</th><th scope="col">Verdict</th>${gates.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">Services</th><th scope="col">Release</th></tr></thead>
<tbody>${state.families.map((family) => row(family, gates))}</tbody>
</table></div>
</section>`
}

function figures(state: FleetState): Markup[] {
  const released = state.families.filter(({ release }) => release)
  const services = state.families.flatMap((family) => family.services.map((service) => ({ family, service })))
  const waiting = services.filter(({ family }) => !family.release).length
  return [
    figure(
      "Families",
      `${released.length} of ${state.families.length}`,
      html`have a record here. ${tally(released.map(({ standing }) => standing))}`,
    ),
    figure(
      "Services",
      String(services.length),
      html`on ${listed(state.hosts) || "no host"}${waiting > 0 ? `; ${waiting} of them on families without a record` : ""}`,
    ),
    vulnerabilityFigure(released),
    expiryFigure(state),
  ]
}

const figure = (name: string, value: string, says: Markup): Markup =>
  html`<div class="figure"><h3>${name}</h3><p class="value">${value}</p><p class="says">${says}</p></div>`

function vulnerabilityFigure(released: FamilyState[]): Markup {
  const looked = released.filter(({ gates }) => lookedBy(gates).length === lookers.length).length
  if (looked === 0 && released.every(({ gates }) => lookedBy(gates).length === 0))
    return figure(
      "Vulnerabilities",
      "not known",
      html`${chip(unlooked(released), "nobody looked")} through audit or scan`,
    )
  const all = new Map(
    released.flatMap(({ gates }) => vulnerabilities(gates).map((each) => [`${each.package} ${each.ids[0]}`, each])),
  )
  const open = [...all.values()].filter((each) => !each.accepted).length
  const partly =
    looked < released.length
      ? html` <span class="warn">Audit and scan both looked at ${looked} of ${released.length} families only.</span>`
      : ""
  return figure("Vulnerabilities", `${open} open`, html`${all.size - open} accepted.${partly}`)
}

const unlooked = (released: FamilyState[]): Standing =>
  released.some(({ gates }) =>
    gates.some(({ name, standing }) => lookers.includes(name as never) && standing === "UNCHECKED"),
  )
    ? "UNCHECKED"
    : "NOT KNOWN"

function expiryFigure({ families, now }: FleetState): Markup {
  const next = families
    .flatMap(({ gates }) => gates.flatMap(({ accepted }) => accepted))
    .sort((a, b) => a.reviewBy.localeCompare(b.reviewBy))[0]
  if (!next) return figure("Next expiry", "none", html`No risk is accepted.`)
  const days = daysBetween(dayOf(now), next.reviewBy)
  return figure(
    "Next expiry",
    day(next.reviewBy),
    html`${days === 0 ? "today" : `in ${count(days, "day")}`}: ${next.package} ${next.id}`,
  )
}

function row(family: FamilyState, gates: string[]): Markup {
  const { release } = family
  const hosts = [...new Set(family.services.flatMap((each) => each.hosts))]
  return html`<tr>
<th scope="row"><a href="#size-${family.family}" class="name">${family.family}</a></th>
<td data-label="verdict">${chip(family.standing)}</td>
${gates.map((name) =>
  gateCell(
    name,
    family.gates.find((gate) => gate.name === name),
    family,
  ),
)}
<td data-label="services">${family.services.length}${hosts.length > 0 ? html` <span class="quiet nowrap below">${hosts.join(", ")}</span>` : ""}</td>
<td data-label="release">${release ? html`${release.tag ? html`<code>${release.tag}</code> ` : ""}<code title="${release.digest}">${release.digest.replace("sha256:", "").slice(0, 12)}</code>${release.at ? html` <span class="quiet nowrap below">${day(release.at)}</span>` : ""}` : html`<span class="quiet">${family.buildable ? "no record here" : "no Dockerfile yet"}</span>`}</td>
</tr>`
}

function gateCell(name: string, gate: GateState | undefined, { release }: FamilyState): Markup {
  if (!gate || !release)
    return html`<td data-label="${name}" class="none"><span aria-hidden="true">·</span><span class="hidden">not known</span></td>`
  const brief = gate.standing === "PASS" ? shortened(name, gate, release.size.compressed) : undefined
  const next = gate.accepted.map(({ reviewBy }) => reviewBy).sort()[0]
  const text = gate.standing === "ACCEPTED" && next ? `${gate.accepted.length} until ${day(next).slice(0, -5)}` : brief
  return html`<td data-label="${name}">${gate.standing === "PASS" ? passed(text) : chip(gate.standing, text)}</td>`
}

/** What is right is quiet, so that what is not stands out. */
const passed = (brief: string | undefined): Markup =>
  html`<span class="passed">${sign("PASS")}<span class="hidden">ok</span> ${brief && brief.length <= 12 ? brief : "ok"}</span>`

/** The size gate's brief tells the budget, too; a cell of the matrix has no room for it. */
const shortened = (name: string, { brief }: GateState, compressed: number): string | undefined =>
  name === "size" && compressed > 0 ? bytes(compressed) : brief
