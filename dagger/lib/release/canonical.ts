/** JSON with keys in order: the same value gives the same text, whatever order its keys came in. */
export const canonical = (value: unknown): string => JSON.stringify(ordered(value))

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== "object" || value === null) return value
  // Without a prototype, so that a key "__proto__" is one like the others.
  const sorted: Record<string, unknown> = Object.create(null)
  for (const key of Object.keys(value).sort()) sorted[key] = ordered((value as Record<string, unknown>)[key])
  return sorted
}
