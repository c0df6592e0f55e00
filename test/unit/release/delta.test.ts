import { describe, expect, it } from "vitest"
import type { Package } from "../../../dagger/lib/release/contents.ts"
import { delta, deltaLine, deltaLines } from "../../../dagger/lib/release/delta.ts"

const python = (name: string, version: string): Package => ({ kind: "python", name, version })
const debian = (name: string, version: string): Package => ({ kind: "debian", name, version })

describe("the difference of two package tables", () => {
  it("is what came, what went, and what has another version", () => {
    const before = [python("starlette", "0.37.2"), python("h11", "0.14.0"), debian("libc6", "2.36-9")]
    const after = [
      python("starlette", "0.37.3"),
      debian("libc6", "2.36-9"),
      debian("curl", "7.88.1-10"),
      python("anyio", "4"),
    ]
    const change = delta(before, after)
    expect(change).toEqual({
      added: [debian("curl", "7.88.1-10"), python("anyio", "4")],
      removed: [python("h11", "0.14.0")],
      changed: [{ kind: "python", name: "starlette", from: "0.37.2", to: "0.37.3" }],
    })
    expect(deltaLine(change)).toBe("+2 packages, -1 package, starlette 0.37.2 → 0.37.3")
    expect(deltaLines(change)).toEqual(["+ curl 7.88.1-10", "+ anyio 4", "- h11 0.14.0", "starlette 0.37.2 → 0.37.3"])
  })

  it("is nothing where only the order or the spelling differs", () => {
    const change = delta(
      [python("typing_extensions", "4.16.0"), debian("curl", "7")],
      [debian("curl", "7"), python("typing-extensions", "4.16.0")],
    )
    expect(deltaLine(change)).toBe("no package changed")
  })

  it("keeps a Debian and a Python package of one name apart", () => {
    expect(delta([debian("six", "1")], [python("six", "1")])).toMatchObject({
      added: [{ kind: "python" }],
      removed: [{ kind: "debian" }],
    })
  })

  it("tells of a second version beside the first as added", () => {
    expect(delta([python("six", "1")], [python("six", "1"), python("six", "2")])).toEqual({
      added: [python("six", "2")],
      removed: [],
      changed: [],
    })
  })

  it("names the first few changes and counts the others", () => {
    const table = (version: string) => ["a", "b", "c"].map((name) => python(name, version))
    expect(deltaLine(delta(table("1"), table("2")), 2)).toBe("a 1 → 2, b 1 → 2, 1 more changed")
  })
})
