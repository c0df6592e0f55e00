import { type Alias, Document, isMap, isNode, isScalar, isSeq, type Node, type Pair, Scalar, visit } from "yaml"

/**
 * A part of a YAML file. Two keys are none: the text of "#" becomes a comment above the map that it stands in, and "&" is
 * the name by which the file refers to that map where the very same object occurs again.
 */
export interface Yaml {
  [key: string]: unknown
}

/** A text with a comment behind it, on the same line. */
export function remarked(text: string, remark: string): Scalar<string> {
  const scalar = new Scalar(text)
  scalar.comment = ` ${remark}`
  return scalar
}

/** A list with a name, as "&" gives one to a map. */
export const namedList = (name: string, items: readonly Yaml[]): Yaml[] => [{ "&list": name }, ...items]

/** What is longer than this stands on lines of its own. */
const longest = 70

/** A YAML file under a comment, as people would write it, with an empty line between the entries of the key `apart`. */
export function yamlFile(comment: readonly string[], content: Yaml, apart?: string): string {
  const document = new Document(onlyNamedTwice(content, new Map()))
  document.commentBefore = comment.map((line) => ` ${line}`).join("\n")
  const names = new Map<string, string>()
  const name = (node: { anchor?: string }, given: string | undefined): void => {
    if (node.anchor === undefined || given === undefined) return
    names.set(node.anchor, given)
    node.anchor = given
  }
  visit(document, {
    Seq(_, list) {
      const [first] = list.items
      if (isMap(first) && first.has("&list")) name(list, taken(list.items.shift() as typeof first, "&list"))
      const length = list.items.reduce<number>(
        (sum, each) => sum + (isScalar(each) ? `${each.value}`.length : longest),
        0,
      )
      list.flow = length < longest
    },
    Map(_, map) {
      name(map, taken(map, "&"))
      const remark = taken(map, "#")
      if (remark !== undefined) map.commentBefore = ` ${remark}`
    },
  })
  visit(document, {
    Alias: (_, alias: Alias) => {
      alias.source = names.get(alias.source) ?? alias.source
    },
    Pair: (_, pair) => commentAbove(pair),
  })
  spaced(apart === undefined ? document.contents : document.get(apart))
  return document.toString({ lineWidth: 0, flowCollectionPadding: false, nullStr: "" })
}

/** A copy in which only what has a name occurs as the same object again. */
function onlyNamedTwice(part: unknown, known: Map<object, unknown>): unknown {
  if (typeof part !== "object" || part === null || isNode(part)) return part
  if (known.has(part)) return known.get(part)
  const copy = Array.isArray(part)
    ? part.map((each) => onlyNamedTwice(each, known))
    : Object.fromEntries(Object.entries(part).map(([key, each]) => [key, onlyNamedTwice(each, known)]))
  if ("&" in part || (Array.isArray(part) && part[0]?.["&list"] !== undefined)) known.set(part, copy)
  return copy
}

function taken(map: { items: Pair[] }, name: string): string | undefined {
  const at = map.items.findIndex(({ key }) => isScalar(key) && key.value === name)
  return at === -1 ? undefined : (map.items.splice(at, 1)[0]!.value as Scalar<string>).value
}

/** A comment of a map belongs above its key. */
function commentAbove({ key, value }: Pair): void {
  if (!isNode(key) || !(isMap(value) || isSeq(value)) || !value.commentBefore) return
  key.commentBefore = value.commentBefore
  value.commentBefore = undefined
}

function spaced(map: unknown): void {
  if (!isMap(map)) return
  for (const { key } of map.items.slice(1)) (key as Node).spaceBefore = true
}
