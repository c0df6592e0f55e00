import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { FleetState } from "../state.ts"
import { day } from "../words.ts"
import { accepted } from "./accepted.ts"
import { changes } from "./changes.ts"
import { signs } from "./chip.ts"
import { pageData } from "./data.ts"
import { findings } from "./findings.ts"
import { glance } from "./glance.ts"
import { html, Markup, scriptData } from "./markup.ts"
import { services } from "./services.ts"
import { sizes } from "./sizes.ts"
import { vulnerable } from "./vulnerable.ts"

/** The fleet as one HTML page that needs nothing but itself: no network, no other file. */
export function page(state: FleetState): string {
  const style = styles()
  const script = scripts()
  // Only these two very texts are run: what a hostile name could slip in would not be.
  const policy = `default-src 'none'; style-src '${hash(style)}'; script-src '${hash(script)}'; base-uri 'none'; form-action 'none'`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${state.name} · Fairlead</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#state">Skip to the state</a>
${signs}
<header>
<div class="head"><h1>${state.name}</h1><p class="quiet">${day(state.now.toISOString())}, ${state.now.toISOString().slice(11, 16)} UTC · from records, by Fairlead</p></div>
${search}
<nav aria-label="Sections">${sections.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
</header>
<main>
${glance(state)}
${findings(state)}
${sizes(state)}
${vulnerable(state)}
${accepted(state)}
${changes(state)}
${services(state)}
</main>
<footer class="quiet"><p>Made from the records of builds. A word is never a colour alone: unchecked and not known are not passed.</p></footer>
<script type="application/json" id="fleet-data">${scriptData(pageData(state))}</script>
<script>${new Markup(script)}</script>
</body>
</html>
`.text
}

const sections = [
  ["state", "State"],
  ["sizes", "Sizes"],
  ["vulnerabilities", "Vulnerabilities"],
  ["accepted", "Accepted risks"],
  ["changes", "Changes"],
  ["services", "Services"],
] as const

const search = html`<search class="search"><label for="find" class="hidden">Search services and packages</label>
<div class="field"><svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.6" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M10.5 10.5L14 14" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/></svg>
<input id="find" type="search" autocomplete="off" spellcheck="false" placeholder="Who runs torch 2.2?" aria-describedby="find-said" aria-controls="found"><kbd aria-hidden="true">/</kbd></div>
<p id="find-said" class="quiet said" role="status">Services, packages, versions, ports. Press / to search.</p>
<div id="found"></div></search>`

const read = (name: string): string => readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8")

const styles = (): string =>
  ["tokens.css", "page.css", "parts.css", "cards.css", "search.css", "sizes.css", "trend.css"].map(read).join("\n")

/** The page's modules as one script: what they import from each other is above them already. */
const scripts = (): string => {
  const modules = ["squarify.js", "search.js", "treemap.js", "find.js", "main.js"].map((name) =>
    read(name)
      .replace(/^import .*$/gm, "")
      .replace(/^export /gm, ""),
  )
  return `"use strict";(() => {\n${modules.join("\n")}\n})()`
}

const hash = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`
