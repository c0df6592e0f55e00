import type { Finding } from "../../gates/verdict.ts"
import type { FamilyState, FleetState, GateState } from "../state.ts"
import { count, worstFirst } from "../words.ts"
import { chip } from "./chip.ts"
import { html, type Markup, prose } from "./markup.ts"

/** What has to be done, and what is worth knowing; nothing at all where there is nothing. */
export function findings({ families }: FleetState): Markup {
  const bad = families.filter(({ gates }) => gates.some(failed))
  const known = families.filter(({ gates }) => gates.some(({ notes }) => notes.length > 0))
  if (bad.length + known.length === 0) return html``
  return html`<section id="findings" aria-labelledby="findings-title">
<h2 id="findings-title">Findings</h2>
${bad.length === 0 ? html`<p class="quiet">No gate failed.</p>` : ""}
${bad.map((family) => html`<h3>${family.family}</h3>${family.gates.filter(failed).map(gateFindings)}`)}
${known.length > 0 ? worthKnowing(known) : ""}
</section>`
}

const failed = ({ findings, standing }: GateState): boolean => findings.length > 0 && standing !== "PASS"

function gateFindings({ name, standing, findings }: GateState): Markup {
  const risks = findings.filter(({ risk }) => risk).length
  const others = worstFirst(findings.filter(({ risk }) => !risk))
  const counted = count(risks, "vulnerability", "vulnerabilities")
  return html`<p class="told-by"><span class="gate">${name}</span> ${chip(standing)} ${risks > 0 ? html`<a href="#vulnerabilities">${counted}</a>` : ""}</p>
${listOf(others)}`
}

function worthKnowing(families: FamilyState[]): Markup {
  const all = families.flatMap(({ gates }) => gates.flatMap(({ notes }) => notes))
  return html`<details class="more"><summary>Worth knowing: ${count(all.length, "note")} that fail nothing</summary>
${families.map(({ family, gates }) => html`<h3>${family}</h3>${listOf(gates.flatMap(({ notes }) => notes))}`)}</details>`
}

const most = 10

const listOf = (told: readonly Finding[]): Markup =>
  told.length === 0
    ? html``
    : html`<ul class="findings">${told.slice(0, most).map(item)}</ul>
${told.length > most ? html`<details class="more"><summary>${told.length - most} more</summary><ul class="findings">${told.slice(most).map(item)}</ul></details>` : ""}`

const item = ({ what, where, evidence, fix }: Finding): Markup => html`<li><p>${prose(what)}</p>
${where ? html`<p class="quiet"><code>${where}</code></p>` : ""}
${evidence ? html`<p class="quiet evidence">${evidence}</p>` : ""}
${fix ? html`<p><strong>Fix:</strong> ${prose(fix)}</p>` : ""}</li>`
