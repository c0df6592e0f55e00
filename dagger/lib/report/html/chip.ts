import { type Standing, worstOf } from "../state.ts"
import { standings, standingWord } from "../words.ts"
import { html, type Markup } from "./markup.ts"

const classOf: Record<Standing, string> = {
  PASS: "pass",
  ACCEPTED: "accepted",
  FAIL: "fail",
  UNCHECKED: "unchecked",
  ERROR: "error",
  "NOT KNOWN": "unknown",
}

/** A standing as a word with a sign in a frame, each of its own: never told by colour alone. */
export const chip = (standing: Standing, text?: string): Markup =>
  html`<span class="chip ${classOf[standing]}">${sign(standing)}${text === undefined || text.includes(standingWord[standing]) ? "" : html`<span class="hidden">${standingWord[standing]}: </span>`}<span>${text ?? standingWord[standing]}</span></span>`

export const sign = (standing: Standing): Markup =>
  html`<svg class="sign" viewBox="0 0 16 16" aria-hidden="true"><use href="#sign-${classOf[standing]}"/></svg>`

/** "3 ok, 1 unchecked", as chips. */
export const tally = (all: readonly Standing[]): Markup =>
  html`${standings.flatMap((standing) => {
    const number = all.filter((each) => each === standing).length
    return number > 0 ? [chip(standing, `${number} ${standingWord[standing]}`)] : []
  })}`

export const worstChip = (all: readonly Standing[]): Markup => chip(worstOf(all))

/** The signs, drawn once. */
export const signs = html`<svg width="0" height="0" class="hidden" aria-hidden="true"><defs>
<symbol id="sign-pass" viewBox="0 0 16 16"><path d="M3 8.5l3.2 3.2L13 4.8" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-accepted" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5.6" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M8 4.8V8l2.2 1.6" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-fail" viewBox="0 0 16 16"><path d="M4 4l8 8M12 4l-8 8" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/></symbol>
<symbol id="sign-unchecked" viewBox="0 0 16 16"><path d="M1.8 8S4 4 8 4s6.2 4 6.2 4-2.2 4-6.2 4-6.2-4-6.2-4zM3 13L13 3" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-error" viewBox="0 0 16 16"><path d="M8 2L14.6 13.6H1.4zM8 6.6v3M8 11.6v.2" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-unknown" viewBox="0 0 16 16"><path d="M5.6 6a2.4 2.4 0 1 1 3.6 2.1c-.8.5-1.2.9-1.2 1.8M8 12.4v.2" fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round"/></symbol>
</defs></svg>`
