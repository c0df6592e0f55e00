import { readOnce } from "../../once.ts"
import { normalName } from "./version.ts"

export interface LockedPackage {
  name: string
  version: string
  hashes: number
  line: number
}

/** A requirements lock, and every line in it that is not pinned and hashed. */
export interface Lock {
  packages: LockedPackage[]
  problems: { line: number; text: string; why: string }[]
}

// name[extras]==version ; markers --hash=sha256:… (pip's requirements file format)
const pinned =
  /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([A-Za-z0-9.!+_-]+)\s*(?:;[^#]*?)?((?:\s--hash=\S+)*)$/
const strong = /--hash=sha(?:256|384|512):[0-9a-f]{64,128}(?=\s|$)/g
// Options that say where or how to fetch; the hashes hold whatever they say.
const harmlessOption =
  /^--?(?:i|index-url|extra-index-url|only-binary|no-binary|prefer-binary|require-hashes|pre|no-index|find-links|f)\b/

/** What a lock's text says. */
export const readLock = readOnce((text: string): Lock => {
  const lock: Lock = { packages: [], problems: [] }
  for (const { line, text: entry } of entries(text)) {
    if (harmlessOption.test(entry)) continue
    const [, name, version, options = ""] = pinned.exec(entry) ?? []
    const problem = (why: string) => lock.problems.push({ line, text: entry.slice(0, 80), why })
    if (name === undefined || version === undefined) {
      problem(`${JSON.stringify(entry.split(/\s/)[0])} is not pinned with ==`)
      continue
    }
    const hashes = options.match(strong)?.length ?? 0
    if (hashes === 0 || hashes !== options.trim().split(/\s+/).length)
      problem(`${name}==${version} has no hash that holds`)
    lock.packages.push({ name: normalName(name), version, hashes, line })
  }
  if (lock.packages.length + lock.problems.length === 0)
    lock.problems.push({ line: 1, text: "", why: "the lock names nothing" })
  return lock
})

/** Entries with the line they begin on: continued lines joined, comments left out. */
function entries(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = []
  let open: { line: number; text: string } | undefined
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/(?:^|\s)#.*$/, "").trim()
    open ??= { line: index + 1, text: "" }
    open.text = `${open.text} ${line.replace(/\\$/, "").trim()}`.trim()
    if (line.endsWith("\\")) continue
    if (open.text !== "") found.push(open)
    open = undefined
  }
  if (open && open.text !== "") found.push(open)
  return found
}
