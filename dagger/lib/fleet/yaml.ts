import {
  boolCoreTag,
  EVENT_ID,
  type Event,
  floatCoreTag,
  getScalarValue,
  intCoreTag,
  NOT_RESOLVED,
  nullCoreTag,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
} from "js-yaml"
import { type Problem, Problems, wrongInput } from "../problem.ts"
import { shown } from "./shown.ts"
import { linesOf } from "./text-lines.ts"
import { whyNoYaml } from "./yaml-errors.ts"

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

// A fleet of 1,000 families and 10,000 services takes 1.2 MB, in flow style.
export const maxBytes = 2_000_000
const maxDepth = 32
const maxAliases = 100

/**
 * Reads YAML 1.2 of a narrow kind: one document, text keys that differ, no tags, no merge keys, few aliases. Throws
 * Problems that list all that is wrong with it.
 */
export function readYaml(text: string, fileName: string, hints: YamlHints): YamlData {
  const refused = (what: string, fix?: string) => new Problems([wrongInput(what, { where: fileName, fix })])
  if (Buffer.byteLength(text) > maxBytes) throw refused("is larger than 2 MB", hints.tooLarge)
  const events = eventsOf(text, fileName)
  const document = events[0]
  const contents = events[1]
  if (document?.type !== EVENT_ID.DOCUMENT || contents === undefined) throw refused("is empty", hints.begin)
  if (events.some(({ type }, at) => at > 0 && type === EVENT_ID.DOCUMENT)) {
    throw refused("holds more than one document", "drop what follows the second ---")
  }
  if (document.directives.some((each) => each.kind === "yaml" && each.version !== "1.2")) {
    throw refused("is not YAML 1.2", "drop the %YAML line")
  }
  if (contents.type !== EVENT_ID.MAPPING) {
    const empty = contents.type === EVENT_ID.POP || (contents.type === EVENT_ID.SCALAR && contents.valueStart < 0)
    throw refused(empty ? "is empty" : "is not a map", hints.begin)
  }

  const plain = new PlainData(text, events)
  const data = plain.node()
  const lineOf = linesOf(text)
  if (plain.faults.length > 0) {
    throw new Problems(
      plain.faults.map(({ path, what, offset }): Problem => {
        return wrongInput(`${what} (line ${lineOf(offset)})`, { where: placed(fileName, path) })
      }),
    )
  }
  return { data, line: (path) => lineOf(plain.offset(path)) }
}

/** What stands in the text, one after the other, by offsets. */
function eventsOf(text: string, fileName: string): Event[] {
  try {
    return parseEvents(text, { maxDepth })
  } catch (error) {
    throw whyNoYaml(text, fileName, error, maxDepth)
  }
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

/** Turns events into plain objects, lists and scalars. */
class PlainData {
  readonly faults: Fault[] = []
  private readonly path: (string | number)[] = []
  /** Where an alias leads: event -> event. An anchor may be set anew, so that each alias means the last one before it. */
  private readonly targets = new Map<number, number>()
  private aliases = 0
  /** The event that is read next; the first one is the document's. */
  private at = 1

  constructor(
    private readonly text: string,
    private readonly events: readonly Event[],
  ) {
    const anchors = new Map<string, number>()
    for (const [at, event] of events.entries()) {
      if (!("anchorStart" in event) || event.anchorStart < 0) continue
      const name = text.slice(event.anchorStart, event.anchorEnd)
      if (event.type !== EVENT_ID.ALIAS) anchors.set(name, at)
      else if (anchors.has(name)) this.targets.set(at, anchors.get(name)!)
    }
  }

  /** Where the longest part of a path begins that is there; asked for seldom, so that nothing is kept for it. */
  offset(path: Path): number {
    let at = 1
    let offset = 0
    for (const step of path) {
      const found = this.child(this.targets.get(at) ?? at, step)
      if (found === undefined) break
      offset = this.start(found.shown) ?? offset
      at = found.value
    }
    return offset
  }

  /** What begins at the next event. */
  node(): unknown {
    const event = this.events[this.at]!
    if ("tagStart" in event && event.tagStart >= 0) {
      const tag = this.text.slice(event.tagStart, event.tagEnd)
      this.fault(`the tag ${shown(tag)} is not used here; drop it`)
    }
    if (this.path.length > maxDepth) return this.tooDeep()
    if (event.type === EVENT_ID.ALIAS) return this.alias()
    if (event.type === EVENT_ID.MAPPING) return this.map()
    if (event.type === EVENT_ID.SEQUENCE) return this.list()
    this.at += 1
    return event.type === EVENT_ID.SCALAR ? scalarValue(this.text, event) : undefined
  }

  private list(): unknown[] {
    const list: unknown[] = []
    this.at += 1
    while (!this.ends()) list.push(this.inside(list.length))
    this.at += 1
    return list
  }

  private map(): Record<string, unknown> {
    const map: Record<string, unknown> = {}
    this.at += 1
    while (!this.ends()) {
      const key = keyOf(this.text, this.events[this.at]!)
      const twice = key !== undefined && Object.hasOwn(map, key)
      if (key === undefined) this.fault("has a key that is not plain text")
      if (twice) this.fault("stands here twice; keep one of the two", [...this.path, key])
      this.at = this.after(this.at)
      if (key === undefined || twice) this.at = this.after(this.at)
      else map[key] = this.inside(key)
    }
    this.at += 1
    return map
  }

  private inside(step: string | number): unknown {
    this.path.push(step)
    const value = this.node()
    this.path.pop()
    return value
  }

  // Every use is expanded and counted, those inside expansions too: neither a bomb nor a circle gets far.
  private alias(): unknown {
    const here = this.at
    const target = this.targets.get(here)
    this.aliases += 1
    let value: unknown
    if (this.aliases > maxAliases) {
      const what = `uses more than ${maxAliases} aliases (*); write the values out`
      if (this.aliases === maxAliases + 1) this.fault(what)
    } else if (target === undefined) {
      this.fault("is an alias (*) without an anchor (&) before it")
    } else {
      this.at = target
      value = this.node()
    }
    this.at = here + 1
    return value
  }

  private tooDeep(): undefined {
    this.fault(`is nested more than ${maxDepth} deep`, this.path.slice(0, 3))
    this.at = this.after(this.at)
  }

  private fault(what: string, path: Path = [...this.path]): void {
    if (this.faults.length < 20) this.faults.push({ path, what, offset: this.start(this.at) ?? this.offset(path) })
  }

  private ends(): boolean {
    return this.events[this.at]!.type === EVENT_ID.POP
  }

  /** The event after a node with all that is in it. */
  private after(at: number): number {
    let open = 0
    for (let next = at; ; next++) {
      const { type } = this.events[next]!
      if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) open += 1
      if (type === EVENT_ID.POP) open -= 1
      if (open === 0) return next + 1
    }
  }

  /** One step further on the way to a value; `shown` is its key where it has one. */
  private child(parent: number, step: string | number): { shown: number; value: number } | undefined {
    const { type } = this.events[parent]!
    if (type !== EVENT_ID.MAPPING && type !== EVENT_ID.SEQUENCE) return undefined
    let at = parent + 1
    for (let index = 0; this.events[at]!.type !== EVENT_ID.POP; index++) {
      const value = type === EVENT_ID.MAPPING ? this.after(at) : at
      const name = type === EVENT_ID.MAPPING ? keyOf(this.text, this.events[at]!) : index
      if (name === step) return { shown: at, value }
      at = this.after(value)
    }
    return undefined
  }

  private start(at: number): number | undefined {
    const event = this.events[at]!
    if ("start" in event) return event.start
    const start = "valueStart" in event ? event.valueStart : "anchorStart" in event ? event.anchorStart : -1
    return start < 0 ? undefined : start
  }
}

/** A key as it is written: no number, and nothing that an object of JavaScript has of its own. */
function keyOf(text: string, event: Event): string | undefined {
  if (event.type !== EVENT_ID.SCALAR || event.tagStart >= 0) return undefined
  const key = getScalarValue(text, event)
  const isNull = event.style === SCALAR_STYLE.PLAIN && nullCoreTag.resolve(key, false, nullCoreTag.tagName) === null
  return isNull || key === "__proto__" ? undefined : key
}

const core = [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag] as const

/** What a scalar means by YAML 1.2's core schema; what stands in quotes is text. */
function scalarValue(text: string, scalar: ScalarEvent): unknown {
  const source = getScalarValue(text, scalar)
  if (scalar.style !== SCALAR_STYLE.PLAIN) return source
  for (const { implicitFirstChars, resolve, tagName } of core) {
    if (implicitFirstChars && !implicitFirstChars.includes(source.charAt(0))) continue
    const value = resolve(source, false, tagName)
    if (value !== NOT_RESOLVED) return value
  }
  return source
}
