import { execFileSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { quoted, quotedLine } from "../../../dagger/lib/rollout/quote.ts"

const hostile = [
  "",
  "plain",
  "two words",
  "'",
  "''a'b''",
  '"double"',
  "$(touch /tmp/fairlead-was-here)",
  "`id`",
  "${HOME}",
  "a\nb\n",
  "\\",
  "\\'",
  "'; rm -rf / #",
  "-rf",
  "*",
  "~root",
  "!!",
  "a\tb",
  "&& false || true",
  "é\u001b[31m",
]

describe("a word for a shell on a host", () => {
  it.each(hostile)("is read back as it was: %j", (word) => {
    expect(execFileSync("sh", ["-c", `printf %s ${quoted(word)}`], { encoding: "utf8" })).toBe(word)
  })

  it("stands beside others without mixing with them", () => {
    const script = `set -- ${quotedLine(hostile)}; printf '%s\\001' "$@"`
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(
      hostile.map((word) => `${word}\u0001`).join(""),
    )
  })

  it("is refused where it holds a NUL, since it would end there", () => {
    expect(() => quoted("a\0b")).toThrow("NUL")
  })
})
