import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { readYaml } from "../../../dagger/lib/fleet/yaml.ts"
import { changed, refusal, small } from "./small.ts"

describe("YAML that is no fleet", () => {
  const start = "  fix: begin with `schema: 1` and `name:`, as docs/fleet-yaml.md shows"

  it.each([
    ["nothing", "", "is empty"],
    ["a comment", "# later\n", "is empty"],
    ["a list", "- schema: 1\n", "is not a map"],
    ["a word", "fleet\n", "is not a map"],
  ])("%s is refused", (_, text, what) => {
    expect(refusal(text)).toEqual([`fleet.yaml: ${what}`, start])
  })

  it("tells a syntax error with line and column", () => {
    expect(refusal("schema: 1\nname: a: b\n")[0]).toMatch(
      /^fleet\.yaml: line 2, column 7: Nested mappings are not allowed/,
    )
  })

  it("refuses a second document", () => {
    expect(refusal(`${small}---\n${small}`)[0]).toBe("fleet.yaml: holds more than one document")
  })

  it("refuses tags and the old YAML of `yes` and `no`", () => {
    expect(refusal(changed("name: small", "name: !!binary aGk="))[0]).toContain(
      'name: the tag "!!binary" is not used here',
    )
    expect(refusal(`%YAML 1.1\n---\n${small}`)[0]).toBe("fleet.yaml: is not YAML 1.2")
  })

  it("refuses a merge key, which YAML 1.2 does not have", () => {
    expect(refusal(changed("profile: *profile", "profile: { <<: *profile }")).at(-1)).toContain(
      'hosts.two.profile["<<"]: is not known here',
    )
  })

  it("refuses keys that are not text", () => {
    expect(refusal(`${small}? [a, b]\n: 1\n`)[0]).toMatch(/^fleet\.yaml: has a key that is not plain text/)
  })
})

describe("duplicate keys", () => {
  it("are refused wherever they stand", () => {
    const text = changed(
      "port: 7001",
      "port: 7001, port: 7005",
      "  SecondService:",
      "  FirstService: {}\n  SecondService:",
    )
    expect(refusal(text)).toEqual([
      "fleet.yaml: services.FirstService.port: stands here twice; keep one of the two (line 20)",
      "fleet.yaml: services.FirstService: stands here twice; keep one of the two (line 21)",
    ])
  })
})

describe("YAML bombs", () => {
  const tooDeep = ["fleet.yaml: is nested more than 32 deep"]
  const quickly = (text: string) => {
    const start = performance.now()
    const lines = refusal(text)
    expect(performance.now() - start).toBeLessThan(5_000)
    return lines
  }

  it("made of aliases are refused before they unfold", () => {
    const levels = Array.from("bcdefgh", (name, level) => `${name}: &${name} [${`*${"abcdefg"[level]},`.repeat(10)}]\n`)
    expect(quickly(`a: &a [${"x,".repeat(10)}]\n${levels.join("")}`)[0]).toMatch(
      /uses more than 100 aliases \(\*\); write the values out/,
    )
  })

  it("made of many aliases are refused without looking each of them up", () => {
    expect(quickly(`a: &a 1\nb:\n${"- *a\n".repeat(20_000)}`)[0]).toContain("b[100]: uses more than 100 aliases")
  })

  it("made of a circle are refused", () => {
    expect(quickly("a: &a { b: *a }\n")[0]).toContain("is nested more than 32 deep")
  })

  it.each([
    ["open brackets", `a: ${"[".repeat(900_000)}`],
    ["brackets", `a: ${"[".repeat(400_000)}${"]".repeat(400_000)}`],
    ["braces", `a: ${"{a: ".repeat(200_000)}`],
    ["dashes", "- ".repeat(400_000)],
    ["question marks", "? ".repeat(400_000)],
  ])("made of %s are refused without taking the process down", (_, text) => {
    expect(quickly(text)).toEqual(tooDeep)
  })

  it("made of unknown keys are refused", () => {
    const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1\n`).join("")
    expect(quickly(small + keys)).toHaveLength(101)
  })

  it("made of size are refused", () => {
    expect(quickly(`${small}#${" ".repeat(2_000_000)}`)).toEqual([
      "fleet.yaml: is larger than 2 MB",
      "  fix: a fleet of 10,000 services fits into that; look what else got into the file",
    ])
  })

  it("made of an alias without an anchor are refused", () => {
    expect(refusal(changed("*profile", "*profil"))[0]).toContain(
      "hosts.two.profile: is an alias (*) without an anchor (&) before it",
    )
  })
})

/** Another parser's reading is the measure. */
describe("YAML means what it means to others", () => {
  it.each([
    ...[
      "0o17",
      "0x1F",
      ".5",
      "1e3",
      "+1",
      "010",
      "1_000",
      "0b1",
      "1.",
      "-0",
      "1.0",
      "99999999999999999999",
      ".inf",
      "-.INF",
    ],
    ...[
      "~",
      "null",
      "NULL",
      "",
      "true",
      "TRUE",
      "yes",
      "on",
      "2024-01-01",
      "12:30:45",
      "a:b",
      "http://x:1/",
      "<<",
      "=",
    ],
    ...["''", "'it''s'", '"a\\u263a"', '"a\n  b"', "a\n  b\n  c", "a # c", "a#c", '"\\\n  x"', "- 1"],
    ...["|\n  x\n   y\n", "|-\n  x\n", "|+\n  x\n\n", ">\n  a\n  b\n\n  c\n", ">-\n  a\n  b"],
    ...["[a, b,]", "{a: 1, b}", "{}", "[]", "{a: [1, {b: ~}]}", "\n  - 1\n  - x: 2\n    y: 3", "&x 5", "\n- 1\n-"],
  ])("%j", (written) => {
    const read = (text: string) => readYaml(text, "x.yaml", { begin: "", tooLarge: "" }).data
    const text = `first: &first [1, 2]\nvalue: ${written}\nlast: *first\n`
    let others: unknown
    try {
      others = parse(text)
    } catch {
      expect(() => read(text)).toThrow()
      return
    }
    expect(read(text)).toEqual(others)
  })
})
