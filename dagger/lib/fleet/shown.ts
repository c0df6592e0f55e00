/** A value from a file, for a sentence: on one line, not too long, and without anything that steers a terminal. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object" && value !== null) return "a map"
  if (value === null || value === undefined) return "nothing"
  if (typeof value !== "string") return String(value)
  const text = value.length > 60 ? `${value.slice(0, 60)}…` : value
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
