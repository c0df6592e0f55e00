import type { Finding } from "../gates/verdict.ts"
import type { Standing } from "./state.ts"
import { bytes } from "./text.ts"
import { severities } from "./vulnerabilities.ts"

/** A standing as documents say it: PASS is the quiet one, and nothing else is called ok. */
export const standingWord: Record<Standing, string> = {
  PASS: "ok",
  ACCEPTED: "accepted",
  FAIL: "FAIL",
  UNCHECKED: "unchecked",
  ERROR: "ERROR",
  "NOT KNOWN": "not known",
}

export const standings = Object.keys(standingWord) as Standing[]

/** "1 service", "3 services". */
export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`

/** "a, b and c". */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** "22 Nov 2026", of "2026-11-22" or a longer ISO time in UTC. */
export function day(iso: string): string {
  const [year = "", month = "", date = ""] = iso.slice(0, 10).split("-")
  return `${Number(date)} ${months[Number(month) - 1] ?? month} ${year}`
}

/** "+1.2 MB", "−40 kB", "no change". */
export const difference = (count: number): string =>
  count === 0 ? "no change" : `${count > 0 ? "+" : "−"}${bytes(Math.abs(count))}`

/** The worst first; findings without a risk can only be mended and come before all others. */
export const worstFirst = (findings: readonly Finding[]): Finding[] => {
  const place = ({ risk }: Finding) => (risk ? 1 + severities.indexOf(risk.severity ?? "UNKNOWN") : 0)
  return [...findings].sort((a, b) => place(a) - place(b))
}
