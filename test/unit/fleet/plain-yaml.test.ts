import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { parseDocument } from "yaml"
import { fairleadRoot } from "../../../cli/version.ts"
import { plainYaml } from "../../../dagger/lib/fleet/plain-yaml.ts"

/** What the yaml package makes of it, with the places of all keys and items; undefined where it finds a mistake. */
function packages(text: string): { data: unknown; places: unknown } | undefined {
  const document = parseDocument(text, { uniqueKeys: true })
  if (document.errors.length > 0) return undefined
  const places: unknown[] = []
  const walk = (node: unknown): void => {
    const { items } = (node ?? {}) as { items?: unknown[] }
    for (const item of items ?? []) {
      const { key, value } = item as { key?: { range: number[]; value: unknown }; value?: unknown }
      places.push((key ?? (item as { range: number[] })).range[0])
      walk(key ? value : item)
    }
  }
  walk(document.contents)
  return { data: document.toJS(), places }
}

function own(text: string): { data: unknown; places: unknown } | undefined {
  const read = plainYaml(text)
  if (!read) return undefined
  const places: unknown[] = []
  const walk = (data: unknown): void => {
    if (typeof data !== "object" || data === null) return
    for (const [step, value] of Object.entries(data)) {
      places.push(read.offsets.get(data)?.get(Array.isArray(data) ? Number(step) : step))
      walk(value)
    }
  }
  walk(read.data)
  return { data: read.data, places }
}

const repositorys = readFileSync(join(fairleadRoot, "fleet.yaml"), "utf8")

const hard = `# what it can read
name: my fleet   # said here
list:
- one
- { a: 1, b: [x, "y, z", 'it, is'] }
-   key: value
    more: [ ]

# between
  # indented
maps: { }
"quoted": "# no comment"
nested:
    deep: { sizes: 45 MB, at: 127.0.0.1:5000, day: 2026-10-31, yes: true, no: no, url: http://a:1/b?c#d }
    zero: 0
    text: it's, said [so] {here}
`

describe("a plain fleet.yaml", () => {
  it.each([
    ["of this repository", repositorys],
    ["with all that it knows", hard],
  ])("%s is read like the yaml package reads it, lines included", (_, text) => {
    expect(own(text)).toBeDefined()
    expect(own(text)).toEqual(packages(text))
  })

  it.each([
    "a: &x 1\nb: *x\n",
    "a: !!str 1\n",
    "a: |\n  text\n",
    "a: ~\n",
    "a:\nb: 1\n",
    "a: 1\na: 2\n",
    "a: 1.5\n",
    "a: 0x10\n",
    "a: 1e3\n",
    "a: one\n  two\n",
    "a: [1,\n  2]\n",
    "a: 1\r\n",
    "a:\t1\n",
    "a: b: c\n",
    "- 1\n",
    "a: {b}\n",
    "---\na: 1\n",
    "__proto__: 1\n",
    "\ufeffa: 1\n",
    "null: 1\n",
    "",
  ])("leaves %j to the package", (text) => {
    expect(plainYaml(text)).toBeUndefined()
  })

  it("is read the same however it is broken, or left to the package", () => {
    const random = randomFrom(20_261_123)
    let read = 0
    for (let round = 0; round < rounds; round++) {
      const text = broken(round % 2 === 0 ? hard : repositorys.slice(0, 1500), random)
      const mine = own(text)
      if (!mine) continue
      read += 1
      expect(mine, text).toEqual(packages(text))
    }
    expect(read).toBeGreaterThan(rounds / 20)
  })
})

const rounds = Number(process.env.FAIRLEAD_FUZZ ?? 1500)

const nasty = [
  ..." :#-{}[],\"'&*!|>%@`\n~?.01xe/$_é\u2028",
  ": ",
  " #",
  "\n\n",
  "\n  ",
  "- ",
  "  ",
  "{ a: ",
  "null",
  "true",
  "''",
  "<<: ",
]

/** One to three pieces put in, left out, doubled or put elsewhere. */
function broken(text: string, random: () => number): string {
  const place = () => Math.floor(random() * text.length)
  for (let times = 1 + Math.floor(random() * 3); times > 0; times--) {
    const [at, length] = [place(), Math.floor(random() * 6)]
    const piece = nasty[Math.floor(random() * nasty.length)]!
    const how = random()
    if (how < 0.5) text = text.slice(0, at) + piece + text.slice(at)
    else if (how < 0.75) text = text.slice(0, at) + text.slice(at + length)
    else if (how < 0.9) text = text.slice(0, at) + piece + text.slice(at + length)
    else text = text.slice(0, at) + text.slice(place(), place()) + text.slice(at)
  }
  return text
}

/** mulberry32: the same texts in every run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
