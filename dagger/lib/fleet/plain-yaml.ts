/** Plain data and, for each map and list in it, where its parts begin in the text. */
export interface PlainYaml {
  data: Record<string, unknown>
  offsets: WeakMap<object, Map<string | number, number>>
}

const maxDepth = 16

/**
 * Reads what nearly every fleet.yaml is made of, and nothing else: block maps and lists of values that stand on one line. Answers
 * undefined for whatever it does not know for certain, anchors, tags, long texts and all mistakes among it: the yaml package
 * then reads the whole file. It takes a tenth of that package's time and memory, which 10,000 services are felt in.
 */
export function plainYaml(text: string): PlainYaml | undefined {
  // Other ends of lines, and what editors show as nothing.
  if (/[^\n\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(text)) return undefined
  try {
    return new Reader(text).document()
  } catch (error) {
    if (error === strange) return undefined
    throw error
  }
}

const strange = Symbol("nothing that is read here")

const patterns = {
  space: / */y,
  blank: /(?: *(?:#[^\n]*)?\n)*/y,
  rest: /(?: +#[^\n]*| *)(?:\n|$)/y,
  key: /[A-Za-z_][A-Za-z0-9_-]*(?=:(?:[ \n]|$))|"[A-Za-z0-9_./ -]+"(?=:(?:[ \n]|$))/y,
  double: /"([^"\\\n]*)"/y,
  single: /'([^'\n]*)'(?!')/y,
  ofLine: /[A-Za-z0-9_/$][^\n]*/y,
  ofFlow: /[A-Za-z0-9_/$][^\n,[\]{}]*/y,
} as const

class Reader {
  private readonly offsets: PlainYaml["offsets"] = new WeakMap()
  private at = 0
  /** How far the line is indented on which reading goes on; -1 at the end. */
  private indent: number = 0

  constructor(private readonly text: string) {}

  document(): PlainYaml {
    if (this.nextLine() !== 0) throw strange
    const data = this.map(0, 0)
    if (this.indent !== -1) throw strange
    return { data, offsets: this.offsets }
  }

  private block(indent: number, depth: number): unknown {
    return this.startsItem() ? this.list(indent, depth) : this.map(indent, depth)
  }

  private map(indent: number, depth: number): Record<string, unknown> {
    const { map, put } = this.newMap(depth)
    for (;;) {
      const begins = this.at
      const key = this.key()
      put(key, begins, this.valueOfLine(indent, depth + 1))
      if (this.indent > indent) throw strange
      if (this.indent < indent) return map
    }
  }

  private valueOfLine(indent: number, depth: number): unknown {
    this.take("space")
    const here = this.text[this.at]
    if (here !== undefined && here !== "\n" && here !== "#") return this.endOfLine(this.value("ofLine", depth))
    // A comment begins with the space before it.
    if (here === "#") this.at -= 1
    this.endOfLine(undefined)
    // A list may stand as far to the left as the key that it belongs to.
    if (this.indent > indent || (this.indent === indent && this.startsItem())) return this.block(this.indent, depth)
    throw strange
  }

  private list(indent: number, depth: number): unknown[] {
    const { list, put } = this.newList(depth)
    while (this.indent === indent && this.startsItem()) {
      this.at += 1
      const column = indent + 1 + this.take("space").length
      const begins = this.at
      put(begins, this.peeks("key") ? this.map(column, depth + 1) : this.endOfLine(this.value("ofLine", depth + 1)))
    }
    if (this.indent > indent) throw strange
    return list
  }

  private startsItem(): boolean {
    return this.text[this.at] === "-" && this.text[this.at + 1] === " "
  }

  private value(plain: "ofLine" | "ofFlow", depth: number): unknown {
    switch (this.text[this.at]) {
      case "{":
        return this.flowMap(depth)
      case "[":
        return this.flowList(depth)
      case '"':
        return this.take("double").slice(1, -1)
      case "'":
        return this.take("single").slice(1, -1)
      default:
        return this.plain(plain)
    }
  }

  private flowMap(depth: number): Record<string, unknown> {
    const { map, put } = this.newMap(depth)
    this.flow("}", () => {
      const begins = this.at
      const key = this.key()
      if (this.take("space") === "") throw strange
      put(key, begins, this.value("ofFlow", depth + 1))
    })
    return map
  }

  private flowList(depth: number): unknown[] {
    const { list, put } = this.newList(depth)
    this.flow("]", () => put(this.at, this.value("ofFlow", depth + 1)))
    return list
  }

  private flow(close: string, one: () => void): void {
    this.at += 1
    this.take("space")
    while (this.text[this.at] !== close) {
      one()
      this.take("space")
      if (this.text[this.at] === close) break
      if (this.text[this.at] !== ",") throw strange
      this.at += 1
      this.take("space")
    }
    this.at += 1
  }

  private newMap(depth: number) {
    if (depth > maxDepth) throw strange
    const map: Record<string, unknown> = {}
    const offsets = new Map<string, number>()
    this.offsets.set(map, offsets)
    const put = (key: string, begins: number, value: unknown) => {
      if (offsets.has(key) || key === "__proto__") throw strange
      offsets.set(key, begins)
      map[key] = value
    }
    return { map, put }
  }

  private newList(depth: number) {
    if (depth > maxDepth) throw strange
    const list: unknown[] = []
    const offsets = new Map<number, number>()
    this.offsets.set(list, offsets)
    const put = (begins: number, value: unknown) => {
      offsets.set(list.length, begins)
      list.push(value)
    }
    return { list, put }
  }

  private key(): string {
    const key = this.take("key")
    this.at += 1
    if (key.startsWith('"')) return key.slice(1, -1)
    if (words.has(key) || nulls.has(key)) throw strange
    return key
  }

  /** A text, a whole number or a truth without quotes, as YAML 1.2's core schema takes it. */
  private plain(kind: "ofLine" | "ofFlow"): string | number | boolean {
    const found = this.take(kind)
    const comment = found.indexOf(" #")
    // endOfLine goes on from there; within a flow it would hide how the flow ends.
    if (comment >= 0 && kind === "ofFlow") throw strange
    const text = (comment < 0 ? found : found.slice(0, comment)).trimEnd()
    this.at -= found.length - text.length
    if (text.includes(": ") || text.endsWith(":")) throw strange
    if (nulls.has(text)) throw strange
    const word = words.get(text)
    if (word !== undefined) return word
    if (!/^[0-9]/.test(text)) return text
    if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return Number(text)
    if (/[ :/]|^\d{4}-\d\d-\d\d$/.test(text)) return text
    throw strange
  }

  private endOfLine<T>(value: T): T {
    this.take("rest")
    this.nextLine()
    return value
  }

  private nextLine(): number {
    this.take("blank")
    const spaces = this.take("space").length
    const here = this.text[this.at]
    this.indent = here === undefined || here === "#" ? this.atEnd() : spaces
    return this.indent
  }

  /** A comment in the last line has no end of line after it. */
  private atEnd(): -1 {
    if (this.text.indexOf("\n", this.at) >= 0) throw strange
    return -1
  }

  private take(name: keyof typeof patterns): string {
    const pattern = patterns[name]
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found === undefined) throw strange
    this.at += found.length
    return found
  }

  private peeks(name: keyof typeof patterns): boolean {
    const pattern = patterns[name]
    pattern.lastIndex = this.at
    return pattern.test(this.text)
  }
}

const nulls = new Set(["null", "Null", "NULL"])

/** What is no text without quotes. */
const words = new Map<string, boolean>([
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
])
