import type { FamilyState, FleetState } from "../state.ts"
import { count } from "../words.ts"
import { chip } from "./chip.ts"
import { html, type Markup } from "./markup.ts"

/** Which service goes where, by host, as fleet.yaml has it. */
export const services = (state: FleetState): Markup => html`<section id="services" aria-labelledby="services-title">
<h2 id="services-title">Services by host</h2>
<p class="quiet">As fleet.yaml plans it. What really runs on a host no record tells yet.</p>
${state.hosts.map((name) => host(name, state.families))}
</section>`

function host(name: string, families: FamilyState[]): Markup {
  const rows = families.flatMap((family) =>
    family.services.filter(({ hosts }) => hosts.includes(name)).map((service) => ({ family, service })),
  )
  return html`<details class="host"><summary><strong>${name}</strong> <span class="quiet">${count(rows.length, "service")}</span></summary>
<div class="frame"><table class="cards"><thead><tr><th scope="col">Service</th><th scope="col">Family</th><th scope="col">Image</th><th scope="col" class="number">Port</th><th scope="col" class="number">Health</th></tr></thead>
<tbody>${rows.map(({ family, service }) => html`<tr><th scope="row">${service.name}</th><td data-label="family">${family.family}</td><td data-label="image">${chip(family.standing)}</td><td data-label="port" class="number">${service.port}</td><td data-label="health" class="number">${service.healthPort}</td></tr>`)}</tbody></table></div></details>`
}
