// Whether node_modules holds what package-lock.json says, by the account npm itself keeps there (its "hidden lockfile").
// Exits 0 if so. Plain JavaScript, since the launcher asks before there is a tsx.
import { readFileSync } from "node:fs"
import { join } from "node:path"

const packages = (path) => JSON.parse(readFileSync(join(process.argv[2], path), "utf8")).packages

try {
  const have = packages("node_modules/.package-lock.json")
  const differs = ([path, wanted]) => {
    if (!path.startsWith("node_modules/")) return false
    const there = have[path]
    if (!there) return !(wanted.optional || wanted.devOptional)
    return there.version !== wanted.version || there.integrity !== wanted.integrity
  }
  process.exitCode = Object.entries(packages("package-lock.json")).some(differs) ? 1 : 0
} catch {
  process.exitCode = 1
}
