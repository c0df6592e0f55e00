import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { page } from "../../../dagger/lib/report/html/page.ts"
import { fleetState } from "../../../dagger/lib/report/state.ts"
import { bigFleet, bigState, hostile, today } from "../../fleets/big.ts"

const state = bigState(500)
const text = page(state)
const hash = (body: string) => `'sha256-${createHash("sha256").update(body).digest("base64")}'`

describe("the fleet's page", () => {
  it("allows nothing but its own style and its own script, by their hashes", () => {
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(text)?.[1]?.replaceAll("&#39;", "'")
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? ""
    const script = /<script>([\s\S]*?)<\/script>/.exec(text)?.[1] ?? ""
    expect(policy?.split("; ")).toEqual([
      "default-src 'none'",
      `style-src ${hash(style)}`,
      `script-src ${hash(script)}`,
      "base-uri 'none'",
      "form-action 'none'",
    ])
  })

  it("names no other file, no address, no style of an element, no handler", () => {
    expect(text).not.toMatch(/<[a-z][^>]*\s(?:src|srcset|style|on\w+)=/i)
    expect([...text.matchAll(/href="([^"]*)"/g)].map(([, to]) => to).filter((to) => !to?.startsWith("#"))).toEqual([])
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1]
    expect(style).not.toMatch(/url\(|@import/)
  })

  it("has nothing of a hostile name but its letters", () => {
    const visible = text.slice(0, text.indexOf('<script type="application/json"'))
    expect(visible).toContain("&lt;img src=x onerror=globalThis.owned=1&gt;")
    for (const name of hostile.filter((each) => /[<\u001b]/.test(each))) expect(text).not.toContain(name)
    expect(text.match(/<script/g)).toHaveLength(2)
    expect(text).not.toContain("\u202e")
  })

  it("leads to no place that is not there, and has no name twice", () => {
    const ids = [...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const wanted = [...text.matchAll(/href="#([^"]+)"/g)].map(([, to]) => to)
    expect(wanted.filter((to) => !ids.includes(to))).toEqual([])
  })

  it("says not known for a fleet without a record, and calls nothing ok", () => {
    const none = page(fleetState({ fleet: bigFleet, risks: [], now: today, releases: new Map() }))
    const visible = none.slice(none.indexOf("<main>"), none.indexOf("</main>"))
    expect(visible).toContain("not known")
    expect(visible).not.toMatch(/>ok<|class="chip pass"|class="passed"/)
  })

  it("bears records whose facts it cannot read", () => {
    const families = state.families.map((family) => {
      const gates = Object.fromEntries(
        Object.entries(family.release!.gates).map(([name, gate]) => [name, { ...gate, facts: [1, "x", null] }]),
      )
      return { ...family, release: { ...family.release!, gates } }
    })
    const odd = page({ ...state, families })
    expect(odd).toContain("No record tells layers or packages")
    expect(odd).toContain("one of the two records does not tell its packages")
  })

  it("draws what was not looked at as a frame, not as a zero", () => {
    const gpu = /<figure class="trend"><figcaption><strong>base-gpu-cu121[\s\S]*?<\/figure>/.exec(text)?.[0]
    expect(gpu).toContain("nobody looked")
    expect(gpu?.match(/class="unlooked"/g)).toHaveLength(3)
  })

  it("tells a child's changes once: those of its parent are told there", () => {
    const utils = /<h3>base-utils<\/h3>[\s\S]*?(?=<h3>base-cpu)/.exec(text.slice(text.indexOf('id="changes"')))?.[0]
    expect(utils).toMatch(/of it with base-python/)
  })

  it("has a calendar of 14 weeks with the days on which an acceptance ends", () => {
    const calendar = /<div class="calendar">[\s\S]*?<\/table>/.exec(text)?.[0] ?? ""
    expect(calendar.match(/<tr>/g)).toHaveLength(15)
    expect(calendar.match(/class="ends"/g)).toHaveLength(3)
    expect(calendar).toContain(
      '15<span class="hidden">: 2 acceptances end: torch CVE-2025-32434, transformers CVE-2026-40404',
    )
  })
})

it("has no name twice among the page's scripts: they become one", () => {
  const folder = new URL("../../../dagger/lib/report/html/page/", import.meta.url)
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".js"))
    .flatMap((name) => [
      ...readFileSync(new URL(name, folder), "utf8").matchAll(/^(?:export )?(?:function|const|let|class) (\w+)/gm),
    ])
    .map(([, name]) => name)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})
