import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"

const css = readFileSync(new URL("../../../dagger/lib/report/html/page/tokens.css", import.meta.url), "utf8")
const [light = "", dark = ""] = css.split("@media (prefers-color-scheme: dark)")
const tokens = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, name, colour]) => [name!, colour!]))

// Source: WCAG 2.2, "relative luminance" and "contrast ratio".
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

// Text on what it stands on: at least 4.5 (WCAG AA).
const texts = [
  ...["ground", "surface", "sunken"].flatMap((on) => ["ink", "quiet", "link"].map((text) => [text, on])),
  ...["pass", "accepted", "fail", "error", "unchecked", "unknown"].map((name) => [name, `${name}-ground`]),
  ...["pass", "accepted", "unchecked"].flatMap((text) => [[text, "surface"], [text, "ground"]]),
  ["ink", "marked"],
  ["ground", "ink"],
  ...["python", "debian", "rest", "own", "inherited"].map((tile) => ["tile-ink", tile]),
] as [string, string][] // biome-ignore format: a table

// What has to be told from what is beside it, such as a field's edge or a bar: at least 3 (WCAG 1.4.11).
const shapes = [
  ...["edge", "focus", "gauge", "critical", "high", "other", "clean", "fail", "unchecked"].map((each) => [each, "surface"]),
  ...["edge", "focus"].map((each) => [each, "ground"]),
] as [string, string][] // biome-ignore format: a table

describe.each([
  ["light", tokens(light)],
  ["dark", { ...tokens(light), ...tokens(dark) }],
])("in the %s scheme", (_name, colours) => {
  it.each(texts)("%s can be read on %s", (text, on) => {
    expect(contrast(colours[text]!, colours[on]!)).toBeGreaterThanOrEqual(4.5)
  })

  it.each(shapes)("%s can be seen on %s", (shape, on) => {
    expect(contrast(colours[shape]!, colours[on]!)).toBeGreaterThanOrEqual(3)
  })

  it("shows what was not looked at in no colour of a pass", () => {
    for (const part of ["", "-ground"])
      for (const other of ["unchecked", "unknown", "error", "fail", "accepted"])
        expect(colours[other + part]).not.toBe(colours[`pass${part}`])
  })
})

it("has every colour in both schemes", () => {
  expect(Object.keys(tokens(dark))).toEqual(Object.keys(tokens(light)))
})
