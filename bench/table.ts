/** A Markdown table that is readable as it stands: columns padded, all but the first to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => head.map((_, column) => (row[column] ?? "").replaceAll("|", "\\|")))
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`
  return [line(all[0]!), rule, ...all.slice(1).map(line)].join("\n")
}

/** Three digits that matter, as people read times: 0.042, 0.83, 12.4, 318. */
export const seconds = (value: number): string =>
  `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3)} s`

export const ratio = (value: number, of: number): string => (of > 0 ? (value / of).toFixed(2) : "–")

/** Megabytes of a million, as everywhere in Fairlead. */
export const megabytes = (bytes: number): string =>
  `${bytes >= 1e8 ? (bytes / 1e6).toFixed(0) : bytes >= 1e6 ? (bytes / 1e6).toFixed(1) : (bytes / 1e6).toFixed(2)} MB`
