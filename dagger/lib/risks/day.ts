/** Milliseconds of a day in UTC, which knows no summer time. */
export const dayMs = 86_400_000

/** The calendar day in UTC, "2026-11-22": as risks.yaml writes days. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)

export const plusDays = (day: string, days: number): string => dayOf(new Date(Date.parse(day) + days * dayMs))

/** From one day to another; negative when `to` comes first. */
export const daysBetween = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / dayMs)

/** Whether the calendar has this day: "2026-02-30" is spelled well and is none. */
export function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && dayOf(at) === day
}
