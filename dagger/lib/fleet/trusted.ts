import { isMap, isScalar, isSeq, type Pair, parseDocument, type YAMLMap } from "yaml"
import { type PublicKey, publicKey } from "../attest/key.ts"
import { wrongInput } from "../problem.ts"
import { parseFleet } from "./load.ts"

/**
 * The text of fleet.yaml with one more key in policy.signing.keys. Everything else stays as it was typed, comments and
 * spaces too: the document is only parsed to find the place, since writing it out anew would set every line differently.
 */
export function withTrusted(text: string, { line }: PublicKey, note: string): string {
  const policy = pairAt(parseDocument(text).contents, "policy")
  const block = policy && isMap(policy.value) && !policy.value.flow ? policy.value : undefined
  const signing = pairAt(block, "signing")
  const keys = pairAt(signing?.value, "keys")?.value
  const first = isSeq(keys) ? keys.items[0] : undefined
  let changed: string | undefined
  if (block && !signing) changed = withSection(text, block, line, note)
  else if (isSeq(keys) && keys.flow && keys.range) changed = inserted(text, keys.range[0] + 1, `"${line}", `)
  else if (isSeq(keys) && first && keys.range) {
    const at = keys.range[0]
    changed = inserted(text, at, `- "${line}" # ${note}\n${" ".repeat(columnOf(text, at))}`)
  } else if (isMap(signing?.value) && !signing.value.flow && !keys) changed = withKeys(text, signing.value, line, note)
  if (changed === undefined || !holds(changed, line)) {
    throw wrongInput("is written in a way that no line can be added to", {
      where: "fleet.yaml: policy.signing",
      fix: `write this line among its keys yourself: "${line}"`,
    })
  }
  return changed
}

const inserted = (text: string, at: number, more: string): string => text.slice(0, at) + more + text.slice(at)

/** In front of the identities that the section begins with. */
function withKeys(text: string, signing: YAMLMap, line: string, note: string): string | undefined {
  const key = signing.items[0]?.key
  const at = isScalar(key) ? key.range?.[0] : undefined
  if (at === undefined) return undefined
  const indent = " ".repeat(columnOf(text, at))
  return inserted(text, at, `keys:\n${indent}  - "${line}" # ${note}\n${indent}`)
}

/** In front of what the policy begins with, and of its comment. */
function withSection(text: string, policy: YAMLMap, line: string, note: string): string | undefined {
  const key = policy.items[0]?.key
  const at = isScalar(key) ? key.range?.[0] : undefined
  if (at === undefined) return undefined
  const indent = " ".repeat(columnOf(text, at))
  const begin = text.lastIndexOf("\npolicy:", at)
  const place = text.indexOf("\n", begin + 1) + 1
  const section = [
    "# Public halves of the keys that sign release records; records that others signed do not count.",
    "signing:",
    "  keys:",
    `    - "${line}" # ${note}`,
  ]
  return inserted(text, place, `${section.map((each) => indent + each).join("\n")}\n\n`)
}

const columnOf = (text: string, at: number): number => at - (text.lastIndexOf("\n", at - 1) + 1)

const pairAt = (node: unknown, name: string): Pair | undefined =>
  isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === name) : undefined

/** The changed text is a fleet as before, and names the key. */
const holds = (text: string, line: string): boolean => {
  const { policy } = parseFleet(text)
  return policy.signing?.keys?.some((each) => publicKey(each)?.line === line) ?? false
}
