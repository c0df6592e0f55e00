import { spelled } from "./names.ts"

// SI, as registries and disk makers count; the binary units are there for whoever means them.
const units: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}
const pattern = /^([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/

/** A number of bytes. In fleet.yaml written as "45 MB", "2.1 GB" or "512 MiB"; MB is 1,000,000 bytes. */
export const bytesSchema = spelled({
  pattern: pattern,
  right: 'a size such as "45 MB", "2.1 GB" or "512 MiB"',
}).transform((text) => bytes(text))

/** The number of bytes that a size such as "45 MB" stands for; NaN for anything else. */
export const bytes = (text: string): number => {
  const [, amount, unit] = pattern.exec(text) ?? []
  return Math.round(Number(amount) * (units[unit ?? ""] ?? Number.NaN))
}

/** A number of bytes for people: 45_000_000 is "45 MB", 2_100_000_000 is "2.1 GB". */
export const humanBytes = (count: number): string => {
  const unit = ["TB", "GB", "MB", "kB"].find((each) => Math.abs(count) >= (units[each] ?? 1) * 0.9995) ?? "B"
  const amount = count / (units[unit] ?? 1)
  return `${Number(amount.toFixed(Math.abs(amount) < 10 ? 1 : 0))} ${unit}`
}
