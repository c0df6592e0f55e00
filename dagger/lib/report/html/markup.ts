import { harmless } from "../../engine/engine.ts"

/** Text that is HTML already; everything else is escaped where it is put into `html`. */
export class Markup {
  constructor(readonly text: string) {}
}

type Value = Markup | string | number | undefined | false | readonly (Markup | string)[]

/**
 * HTML with everything put into it escaped, in text and in quoted attributes alike. Names come from images, and an image
 * can be made to steer a browser.
 */
export const html = (texts: TemplateStringsArray, ...values: Value[]): Markup =>
  new Markup(texts.map((text, index) => text + (index < values.length ? shown(values[index]) : "")).join(""))

function shown(value: Value): string {
  if (value === undefined || value === false) return ""
  if (value instanceof Markup) return value.text
  if (Array.isArray(value)) return value.map(shown).join("")
  return escaped(String(value))
}

// Bidirectional controls would let a name show its letters in another order than it has.
const bidi = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** A text as a page may show it, whatever an image calls itself: without controls, in the order of its letters. */
export const shownText = (text: string): string => harmless(text).replace(bidi, "\ufffd")

const escaped = (text: string): string =>
  shownText(text)
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;")

/** A sentence for people, in which `backquotes` are what a terminal is told. */
export const prose = (text: string): Markup =>
  html`${text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`

/** Data for a script element: `</script>` and `<!--` cannot end or change it. */
export const scriptData = (value: unknown): Markup =>
  new Markup(
    JSON.stringify(value).replace(
      /[<>&\u2028\u2029]/g,
      (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  )
