/** What `doctor` says of one part of the set-up. */
export interface Found {
  state: "ready" | "missing" | "unsuitable"
  /** One line: version, path, address, or what is wrong. */
  detail: string
  /** What a person does about it; only where it is not ready. */
  fix?: string
  /** How the one-line summary names it, "registry 127.0.0.1:5000"; the part's name where absent, left out where empty. */
  short?: string
}

/** One thing that verbs stand on: looking never changes anything, readying is idempotent and may be interrupted. */
export interface Part {
  readonly name: string
  /** Names of the parts that must be ready before this one. */
  readonly after: readonly string[]
  /** What readying it is called: "built", "started". */
  readonly verb?: string
  look(): Promise<Found>
  /** Makes it so. `say` takes one line for people: what is being done, and at the end how long it took. */
  ready(say: (line: string) => void): Promise<void>
  /** Removes what `ready` made, and nothing else. Answers what was removed, a line each. */
  remove(): Promise<string[]>
}

/** A part with everything it stands on, each before what stands on it. Parts that nobody knows are somebody else's. */
export function inOrder(all: readonly Part[], wanted: readonly string[] = all.map(({ name }) => name)): Part[] {
  const known = new Map(all.map((part) => [part.name, part]))
  const ordered = new Set<Part>()
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) throw new Error(`parts stand on each other: ${[...path, name].join(" → ")}`)
    const part = known.get(name)
    if (!part || ordered.has(part)) return
    for (const each of part.after) visit(each, [...path, name])
    ordered.add(part)
  }
  for (const name of wanted) visit(name, [])
  return [...ordered]
}

export interface Looked {
  part: Part
  found: Found
}

/** Looks at every part at once, except at those that stand on something that is not there. */
export async function lookAt(parts: readonly Part[]): Promise<Looked[]> {
  const looking = new Map<string, Promise<Found>>()
  for (const part of parts) {
    looking.set(part.name, lookAfter(part, looking))
  }
  return Promise.all(parts.map(async (part) => ({ part, found: await looking.get(part.name)! })))
}

async function lookAfter(part: Part, looking: ReadonlyMap<string, Promise<Found>>): Promise<Found> {
  for (const name of part.after) {
    const below = await looking.get(name)
    if (below && below.state !== "ready") return { state: "missing", detail: `needs ${name}` }
  }
  return part.look()
}
