import { sizeOf, type Tile } from "../sizes.ts"
import type { FamilyState, FleetState } from "../state.ts"
import { bytes } from "../text.ts"
import { day } from "../words.ts"
import { html, type Markup } from "./markup.ts"

/** Sizes against their budgets, then one family at a time as a treemap, with the same as a table. */
export function sizes({ families }: FleetState): Markup {
  const known = families.filter(({ release }) => sizeOf(release))
  const biggest = [...known].sort((a, b) => b.release!.size.compressed - a.release!.size.compressed)[0]
  return html`<section id="sizes" aria-labelledby="sizes-title">
<h2 id="sizes-title">Sizes</h2>
${budgets(families)}
${
  biggest
    ? html`<div class="treemap" id="treemap" hidden>
<div class="bar"><label>Why this big? <select id="treemap-family">${known.map(({ family }) => html`<option value="${family}"${family === biggest.family ? html` selected` : ""}>${family}</option>`)}</select></label>
<fieldset class="segments"><legend class="hidden">Divided by</legend><label><input type="radio" name="treemap-by" value="package" checked><span>by package</span></label><label><input type="radio" name="treemap-by" value="layer"><span>by layer</span></label></fieldset></div>
<div class="sum"><p id="treemap-sum" class="quiet"></p><ul id="treemap-key" class="key"></ul></div>
<div id="treemap-area"></div>
<p id="treemap-told" class="told" aria-live="off">Point at a tile, or walk through them with the arrow keys.</p>
</div>`
    : html`<p class="quiet">No record tells layers or packages, so there is nothing to divide.</p>`
}
${known.map(tables)}
</section>`
}

function budgets(families: FamilyState[]): Markup {
  const rows = families.filter(({ release }) => release)
  if (rows.length === 0) return html``
  return html`<div class="frame"><table class="cards budgets">
<caption class="quiet">As pulled, against the budget. A bar is full at its budget.</caption>
<thead><tr><th scope="col">Family</th><th scope="col">Of its budget</th><th scope="col" class="number">Pulled</th><th scope="col" class="number">On disk</th></tr></thead>
<tbody>${rows.map(budgetRow)}</tbody></table></div>`
}

function budgetRow({ family, release, budget }: FamilyState): Markup {
  const { compressed, uncompressed } = release!.size
  const share = compressed / budget.compressed
  const over = share > 1 ? "over" : uncompressed > budget.uncompressed ? "over on disk" : ""
  return html`<tr id="size-${family}"><th scope="row">${family}</th>
<td data-label="of its budget" class="wide">${compressed > 0 ? gauge(share, over) : unknown}</td>
<td data-label="pulled" class="number">${part(compressed, budget.compressed)}</td>
<td data-label="on disk" class="number">${part(uncompressed, budget.uncompressed)}</td></tr>`
}

const unknown = html`<span class="quiet">not known</span>`

const part = (is: number, most: number): Markup =>
  is > 0 ? html`${bytes(is)} <span class="quiet">of ${bytes(most)}</span>` : unknown

function gauge(share: number, over: string): Markup {
  const percent = `${Math.round(share * 100)} %`
  return html`<div class="level"><svg class="gauge${over ? " over" : ""}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/><rect class="fill" width="${Math.min(100, share * 100).toFixed(2)}" height="8"/></svg><span class="share">${percent} ${over}</span></div>`
}

/** The treemap's numbers for those who read instead of look, and where no script runs. */
function tables({ family, release }: FamilyState): Markup {
  const size = sizeOf(release)!
  return html`<details class="more sizetable" data-family="${family}"><summary>${family} as a table</summary>
<div class="pair">${table("Layers, as pulled", size.layers)}${table("Packages, on disk", size.packages)}</div>
${release?.at ? html`<p class="quiet">Counted on ${day(release.at)}.</p>` : ""}</details>`
}

const table = (title: string, tiles: readonly Tile[]): Markup => html`<table>
<caption>${title}</caption><thead><tr><th scope="col">What</th><th scope="col" class="number">Size</th></tr></thead>
<tbody>${tiles.map(({ name, detail, bytes: size }) => html`<tr><td>${name} <span class="quiet">${detail}</span></td><td class="number">${bytes(size)}</td></tr>`)}</tbody></table>`
