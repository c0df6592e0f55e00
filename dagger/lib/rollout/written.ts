import { Document, isMap, isScalar, visit } from "yaml"

/**
 * A YAML document under a comment, with notes above the keys of these names. Every text is quoted: compose's YAML takes 1_000,
 * 2001-01-01 and 0777 for something else than other readers do.
 */
export function written(comment: string, file: object, notes: Readonly<Record<string, string>> = {}): string {
  const document = new Document(file, { aliasDuplicateObjects: false })
  document.commentBefore = comment
  visit(document, {
    Pair(index, pair) {
      if (isScalar(pair.key) && isMap(pair.value) && typeof pair.key.value === "string") {
        const note = notes[pair.key.value]
        if (note !== undefined) Object.assign(pair.key, { commentBefore: ` ${note}`, spaceBefore: index !== 0 })
      }
    },
    Scalar(key, scalar) {
      if (key === "value" && typeof scalar.value === "string" && scalar.value.includes("\n"))
        scalar.type = "BLOCK_LITERAL"
    },
    Seq(_, list) {
      list.flow = list.items.every(isScalar)
    },
  })
  return document.toString({
    lineWidth: 0,
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "PLAIN",
    flowCollectionPadding: false,
  })
}
