import Table from "cli-table3"
import type { Verdict } from "../gates/verdict.ts"
import { pc } from "./colours.ts"

/** Rows without lines between them, indented like everything below a headline. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = Object.fromEntries(
    [
      "top",
      "top-mid",
      "top-left",
      "top-right",
      "bottom",
      "bottom-mid",
      "bottom-left",
      "bottom-right",
      "left",
      "left-mid",
      "mid",
      "mid-mid",
      "right",
      "right-mid",
    ].map((part) => [part, ""]),
  )
  const made = new Table({
    head: head.map((each) => pc.dim(each)),
    chars: { ...none, middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  })
  made.push(...rows.map((row) => [...row]))
  return made
    .toString()
    .split("\n")
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n")
}

/** "ready", "plan", "next": the word in front of a line. */
export const line = (word: string, text: string): string => `  ${pc.dim(word.padEnd(8))} ${text}`

/** 39 MB, 2.1 GB: powers of ten, as registries and disks count. */
export function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} GB`
  if (count >= 1e6) return `${Math.round(count / 1e6)} MB`
  return `${Math.round(count / 1e3)} kB`
}

/** 0.4 s, 41 s, 7 m 12 s. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} m ${whole % 60} s`
}

/** A verdict as a word in its colour; PASS is the quiet one. */
export function verdictWord(verdict: Verdict): string {
  if (verdict === "PASS") return "ok"
  if (verdict === "UNCHECKED") return pc.cyan("unchecked")
  return verdict === "ACCEPTED" ? pc.yellow("accepted") : pc.red(verdict)
}
