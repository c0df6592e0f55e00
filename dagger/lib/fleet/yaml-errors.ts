import { YAMLException } from "js-yaml"
import { Composer, type Document, Lexer, LineCounter, Parser } from "yaml"
import { harmless } from "../engine/engine.ts"
import { Problems, wrongInput } from "../problem.ts"

/**
 * Problems that say, line by line, why a text is no YAML. The parser that found it out is fast and tells of the first
 * place only, in a parser's words; the yaml package takes twenty times as long, and says it so that people understand.
 */
export function whyNoYaml(text: string, fileName: string, found: unknown, maxDepth: number): Problems {
  const problem = (what: string) => wrongInput(what, { where: fileName })
  const tooDeep = new Problems([problem(`is nested more than ${maxDepth} deep`)])
  if (!(found instanceof YAMLException)) throw found
  if (found.reason.startsWith("nesting exceeded")) return tooDeep
  const lines = new LineCounter()
  const { errors } = composed(text, lines, (depth) => {
    if (depth > maxDepth) throw tooDeep
  })
  if (errors.length === 0) {
    const { line, column } = found.mark ?? { line: 0, column: 0 }
    return new Problems([problem(`line ${line + 1}, column ${column + 1}: ${harmless(found.reason)}`)])
  }
  return new Problems(
    errors.slice(0, 20).map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0])
      return problem(`line ${line}, column ${col}: ${harmless(message)}`)
    }),
  )
}

/**
 * What parseDocument does, with an eye on the depth: composing is recursive, and a file of a million brackets ends the
 * whole process, in no way that could be caught.
 */
function composed(text: string, lines: LineCounter, goesTo: (depth: number) => void): Pick<Document.Parsed, "errors"> {
  const parser = new Parser(lines.addNewLine)
  function* tokens() {
    lines.addNewLine(0)
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme)
      goesTo(parser.stack.length)
    }
    yield* parser.end()
  }
  const [document] = new Composer({ uniqueKeys: false }).compose(tokens(), true, text.length)
  return document ?? { errors: [] }
}
