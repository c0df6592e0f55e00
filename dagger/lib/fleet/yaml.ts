import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
} from "yaml"
import { harmless } from "../engine/engine.ts"
import { type Problem, Problems, wrongInput } from "../problem.ts"
import { shown } from "./shown.ts"

/** The way to a value: keys of maps and positions in lists. */
export type Path = readonly (string | number)[]

/** Plain data out of a YAML file that others may have written, with the way back to its lines. */
export interface YamlData {
  data: unknown
  /** The line, from 1, of what stands at a path, or of the nearest thing around it that is there. */
  line(path: Path): number
}

/** What to do about a file that is no such file at all. */
export interface YamlHints {
  begin: string
  tooLarge: string
}

// A fleet of 1,000 families and 10,000 services takes 1.2 MB, in flow style; and little enough to be read in seconds.
export const maxBytes = 2_000_000
const maxDepth = 32
const maxAliases = 100

/**
 * Reads YAML 1.2 of a narrow kind: one document, text keys that differ, no tags, no merge keys, few aliases. Throws
 * Problems that list all that is wrong with it.
 */
export function readYaml(text: string, fileName: string, hints: YamlHints): YamlData {
  const problem = (what: string, fix?: string) => wrongInput(what, { where: fileName, fix })
  if (Buffer.byteLength(text) > maxBytes) {
    throw new Problems([problem("is larger than 2 MB", hints.tooLarge)])
  }
  const lines = new LineCounter()
  const lineOf = (offset: number) => Math.max(1, lines.linePos(offset).line)
  const [document, another] = composed(
    text,
    lines,
    () => new Problems([problem(`is nested more than ${maxDepth} deep`)]),
  )
  const problems = (document?.errors ?? []).slice(0, 20).map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0])
    return problem(`line ${line}, column ${col}: ${harmless(message)}`)
  })
  if (another) problems.push(problem("holds more than one document", "drop what follows the second ---"))
  if (document?.directives.yaml.explicit && document.directives.yaml.version !== "1.2") {
    problems.push(problem("is not YAML 1.2", "drop the %YAML line"))
  }
  if (problems.length > 0) throw new Problems(problems)
  if (!document || !isMap(document.contents)) {
    const what = document?.contents ? "is not a map" : "is empty"
    throw new Problems([problem(what, hints.begin)])
  }

  const plain = new PlainData((node) => (isAlias(node) ? node.resolve(document) : undefined))
  const data = plain.from(document.contents, [])
  if (plain.faults.length > 0) {
    throw new Problems(
      plain.faults.map(({ path, what, offset }): Problem => {
        return wrongInput(`${what} (line ${lineOf(offset)})`, { where: placed(fileName, path) })
      }),
    )
  }
  return { data, line: (path) => lineOf(plain.offset(data, path)) }
}

/**
 * What parseDocument does, with an eye on the depth: composing is recursive, and a file of a million brackets ends the
 * whole process, in no way that could be caught.
 */
function* composed(text: string, lines: LineCounter, tooDeep: () => Error): Generator<Document.Parsed> {
  const parser = new Parser(lines.addNewLine)
  function* tokens() {
    lines.addNewLine(0)
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme)
      if (parser.stack.length > maxDepth) throw tooDeep()
    }
    yield* parser.end()
  }
  // uniqueKeys compares every key with every other one; `PlainData` finds duplicates in one pass.
  yield* new Composer({ uniqueKeys: false }).compose(tokens(), true, text.length)
}

/** Where something stands, for the beginning of a sentence: "fleet.yaml: services.TieredResponder.needs[1]". */
export function placed(fileName: string, path: Path): string {
  const steps = path.map((step, depth) => {
    if (typeof step === "number") return `[${step}]`
    if (!/^[A-Za-z0-9_-]{1,100}$/.test(step)) return `[${shown(step)}]`
    return depth === 0 ? step : `.${step}`
  })
  return steps.length > 0 ? `${fileName}: ${steps.join("")}` : fileName
}

interface Fault {
  path: Path
  what: string
  offset: number
}

/** Turns nodes into plain objects, lists and scalars, and remembers where each began. */
class PlainData {
  readonly faults: Fault[] = []
  private readonly offsets = new WeakMap<object, Map<string | number, number>>()
  private aliases = 0

  constructor(private readonly resolve: (node: Node) => Node | undefined) {}

  from(node: Node | null, path: Path): unknown {
    if (node?.tag) this.fault(node, path, `the tag ${shown(node.tag)} is not used here; drop it`)
    if (path.length > maxDepth) return this.fault(node, path.slice(0, 3), `is nested more than ${maxDepth} deep`)
    if (isAlias(node)) return this.alias(node, path)
    if (isMap(node)) return this.map(node.items as Pair<Node, Node | null>[], path)
    if (isSeq(node)) {
      const items = node.items as Node[]
      const list = items.map((item, index) => this.from(item, [...path, index]))
      this.offsets.set(list, new Map(items.map((item, index) => [index, item.range?.[0] ?? 0])))
      return list
    }
    return isScalar(node) ? node.value : undefined
  }

  /** Where the longest part of a path begins that is there. */
  offset(data: unknown, path: Path): number {
    let offset = 0
    let at = data
    for (const step of path) {
      const next = typeof at === "object" && at !== null ? this.offsets.get(at)?.get(step) : undefined
      if (next === undefined) break
      offset = next
      at = (at as Record<string | number, unknown>)[step]
    }
    return offset
  }

  private map(pairs: Pair<Node, Node | null>[], path: Path): Record<string, unknown> {
    const map: Record<string, unknown> = {}
    const offsets = new Map<string, number>()
    this.offsets.set(map, offsets)
    for (const { key: node, value } of pairs) {
      const key = isScalar(node) && node.value !== null ? String(node.value) : undefined
      if (key === undefined || key === "__proto__" || node.tag) {
        this.fault(node, path, "has a key that is not plain text")
      } else if (offsets.has(key)) {
        this.fault(node, [...path, key], "stands here twice; keep one of the two")
      } else {
        offsets.set(key, node.range?.[0] ?? 0)
        map[key] = this.from(value, [...path, key])
      }
    }
    return map
  }

  // Every use is expanded and counted, those inside expansions too: neither a bomb nor a circle gets far.
  private alias(node: Node, path: Path): unknown {
    this.aliases += 1
    if (this.aliases > maxAliases) {
      const what = `uses more than ${maxAliases} aliases (*); write the values out`
      return this.aliases === maxAliases + 1 ? this.fault(node, path, what) : undefined
    }
    const target = this.resolve(node)
    return target ? this.from(target, path) : this.fault(node, path, "is an alias (*) without an anchor (&) before it")
  }

  private fault(node: Node | null, path: Path, what: string): undefined {
    if (this.faults.length < 20) this.faults.push({ path, what, offset: node?.range?.[0] ?? 0 })
  }
}
