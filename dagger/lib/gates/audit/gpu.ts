import { onlyForGpus } from "../blueprint/gpu.ts"
import type { Rules } from "../gate.ts"
import { lockOf } from "../unblock.ts"
import type { Finding } from "../verdict.ts"
import type { AuditedImage } from "./facts.ts"

/** Packages in a CPU family that only a GPU has a use for, with what brought them. */
export const gpuFindings = ({ installed }: AuditedImage, rules: Rules): Finding[] =>
  installed
    .filter(({ name, version }) => onlyForGpus(name, version))
    .map(({ name, version }): Finding => {
      const locked = lockOf(name, rules)
      const by = locked ? broughtBy(rules.locks[locked.path]!, locked.line) : []
      return {
        what: `a CPU family carries ${name} ${version}${by.length > 0 ? `, which ${by.join(", ")} ${by.length === 1 ? "brings" : "bring"}` : ""}`,
        where: locked && `set by ${locked.path}:${locked.line}  ${name}==${locked.version}`,
        fix: `take the CPU build of ${by[0] ?? name}, or say gpu: true for families.${rules.family} in fleet.yaml`,
      }
    })

/** What a lock says below a package after "# via": packages, or the file that asks for it. Constraints bring nothing. */
export function broughtBy(lock: string, line: number): string[] {
  const found: string[] = []
  for (const text of lock.split(/\r?\n/).slice(line)) {
    const [, comment] = /^\s+#\s*(.*)$/.exec(text) ?? []
    if (comment === undefined) {
      if (/^\S/.test(text) && !text.startsWith("#")) break // the next package
      continue
    }
    const via = comment.replace(/^via\s*/, "").trim()
    if (via !== "" && !via.startsWith("-c ")) found.push(via.replace(/^-r /, ""))
  }
  return found
}
