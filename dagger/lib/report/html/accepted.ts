import type { Accepted } from "../../gates/verdict.ts"
import { dayOf, daysBetween, plusDays } from "../../risks/day.ts"
import type { FleetState } from "../state.ts"
import { vulnerabilities } from "../vulnerabilities.ts"
import { count, day, listed } from "../words.ts"
import { html, type Markup } from "./markup.ts"

interface Row {
  accepted: Accepted
  families: string[]
}

/** What somebody answers for, and the days on which that ends. */
export function accepted(state: FleetState): Markup {
  const rows = rowsOf(state)
  const today = dayOf(state.now)
  return html`<section id="accepted" aria-labelledby="accepted-title">
<h2 id="accepted-title">Accepted risks</h2>
${
  rows.length === 0
    ? html`<p class="quiet">No finding is let pass by an acceptance.</p>`
    : html`<div class="beside"><div class="frame"><table class="cards">
<thead><tr><th scope="col">Risk</th><th scope="col">Holds until</th><th scope="col">Who</th><th scope="col">Why</th><th scope="col">Families</th></tr></thead>
<tbody>${rows.map((row) => acceptedRow(row, today))}</tbody></table></div>
${calendar(rows, today)}</div>`
}
${state.riskNotes.length > 0 ? html`<ul class="notes">${state.riskNotes.map((note) => html`<li>${note}</li>`)}</ul>` : ""}
</section>`
}

function rowsOf({ families }: FleetState): Row[] {
  const all = new Map<string, Row>()
  for (const { family, gates } of families) {
    for (const { accepted: each } of vulnerabilities(gates)) {
      if (!each) continue
      const key = [each.package, each.id, each.reviewBy, each.by].join("\0")
      const row = all.get(key) ?? { accepted: each, families: [] }
      row.families.push(family)
      all.set(key, row)
    }
  }
  return [...all.values()].sort((a, b) => a.accepted.reviewBy.localeCompare(b.accepted.reviewBy))
}

function acceptedRow({ accepted: each, families }: Row, today: string): Markup {
  const days = daysBetween(today, each.reviewBy)
  return html`<tr><th scope="row">${each.package} <code>${each.id}</code></th>
<td data-label="holds until"><span class="nowrap">${day(each.reviewBy)}</span> <span class="${days <= 14 ? "warn" : "quiet"} nowrap">${days === 0 ? "today" : `in ${count(days, "day")}`}</span></td>
<td data-label="who">${each.by}</td><td data-label="why">${each.reason}</td><td data-label="families">${listed(families)}</td></tr>`
}

const weeks = 13
const names = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]

/** The weeks of the next 90 days, Monday first; a day on which something expires says how much. */
function calendar(rows: readonly Row[], today: string): Markup {
  const monday = plusDays(today, -((new Date(today).getUTCDay() + 6) % 7))
  const week = (index: number): Markup => {
    const days = names.map((_, offset) => plusDays(monday, index * 7 + offset))
    const begins = index === 0 ? today : days.find((each) => each.endsWith("-01"))
    return html`<tr><th scope="row">${begins ? day(begins).split(" ")[1] : ""}</th>${days.map((each) => cell(each, today, rows))}</tr>`
  }
  return html`<div class="calendar"><table>
<caption>What ends in the next 90 days</caption>
<thead><tr><th><span class="hidden">Month</span></th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${Array.from({ length: weeks + 1 }, (_, index) => week(index))}</tbody></table></div>`
}

function cell(date: string, today: string, rows: readonly Row[]): Markup {
  const ending = rows.filter(({ accepted: each }) => each.reviewBy === date)
  const number = Number(date.slice(8))
  if (ending.length > 0) {
    const what = ending.map(({ accepted: each }) => `${each.package} ${each.id}`)
    return html`<td class="ends"><span title="${what.join(", ")}">${number}<span class="hidden">: ${count(ending.length, "acceptance")} end${ending.length === 1 ? "s" : ""}: ${what.join(", ")}</span>${ending.length > 1 ? html`<b aria-hidden="true">${ending.length}</b>` : ""}</span></td>`
  }
  if (date === today) return html`<td class="today"><span>${number}<span class="hidden">: today</span></span></td>`
  return html`<td class="${date < today ? "past" : "day"}">${number}</td>`
}
