import { Document, isMap, isSeq, parseDocument } from "yaml"
import { wrongInput } from "../problem.ts"
import type { Proposal } from "./propose.ts"
import { type Risk, risksFileName } from "./risk.ts"

const head = ` yaml-language-server: $schema=./schema/risks.schema.json

 What somebody answers for although a gate found it, until a day: docs/risks.md. \`fairlead risk accept\` writes entries,
 \`fairlead risk list\` tells how each of them stands. An entry holds for the very packages that it was accepted for.`

/**
 * The text of risks.yaml after a proposal: comments and order of what stays are kept. `text` is what parseRisks has read, or
 * undefined where there is no file yet; `risks` what it read there.
 */
export function withProposal(text: string | undefined, risks: readonly Risk[], { added, replaced }: Proposal): string {
  const document = text === undefined ? newDocument() : parseDocument(text)
  const list = document.get("risks")
  if (!isSeq(list))
    throw wrongInput("is no list", { where: `${risksFileName}: risks`, fix: "write the list out there" })
  const gone = new Set<number>()
  const places = new Map<number, Risk>()
  for (const { risk, families } of replaced) {
    const index = risks.indexOf(risk)
    const left = Object.keys(risk.families).filter((family) => !families.includes(family))
    if (left.length === 0) gone.add(index)
    else for (const family of families) document.deleteIn(["risks", index, "families", family])
  }
  // A renewal stands where the old entry stood, with the comment above it.
  for (const risk of added) {
    const index = [...gone].find((each) => !places.has(each) && sameSubject(risks[each]!, risk))
    if (index !== undefined) places.set(index, risk)
  }
  const rest = added.filter((risk) => ![...places.values()].includes(risk))
  list.items = list.items.flatMap((item, index) => {
    const renewed = places.get(index)
    if (renewed) return [withCommentOf(document.createNode(renewed), item)]
    return gone.has(index) ? [] : [item]
  })
  for (const risk of rest) list.items.push(document.createNode(risk))
  if (list.items.length > 0) list.flow = false
  return document.toString({ lineWidth: 0 })
}

function newDocument(): Document {
  const document = new Document({ schema: 1, risks: [] })
  document.commentBefore = head
  return document
}

function withCommentOf<T>(node: T, old: unknown): T {
  if (isMap(node) && isMap(old)) {
    node.commentBefore = old.commentBefore
    node.spaceBefore = old.spaceBefore
  }
  return node
}

const sameSubject = (a: Risk, b: Risk): boolean => a.package === b.package && a.id.toLowerCase() === b.id.toLowerCase()
