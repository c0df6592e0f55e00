import { describe, expect, it } from "vitest"
import { size } from "../../../dagger/lib/gates/size.ts"
import { rulesFor, sizeFacts } from "./facts.ts"

describe("size", () => {
  it("passes an image within its budget, and says both", () => {
    expect(size.judge(sizeFacts(), rulesFor("base-python"))).toMatchObject({
      verdict: "PASS",
      brief: "39 MB (budget 45)",
    })
  })

  it("passes an image that just fits", () => {
    const facts = sizeFacts((each) => Object.assign(each, { compressed: 45_000_000, uncompressed: 120_000_000 }))
    expect(size.judge(facts, rulesFor("base-python")).verdict).toBe("PASS")
    expect(size.judge({ ...facts, compressed: 45_000_001 }, rulesFor("base-python")).verdict).toBe("FAIL")
  })

  it("says by how much an image is over, what makes it so big, and what to do", () => {
    const { verdict, findings } = size.judge(
      sizeFacts((each) => (each.compressed = 52_300_000)),
      rulesFor("base-python"),
    )
    expect(verdict).toBe("FAIL")
    expect(findings).toEqual([
      {
        what: "compressed: 52 MB is over the budget of 45 MB by 7.3 MB",
        where: "see dockerfiles/base-python.Dockerfile",
        evidence:
          "biggest layers: 28 MB the base, 11 MB RUN apt-get install python3; biggest packages: libpython3.11-stdlib 3.11.2-6 8.2 MB",
        fix: "raise families.base-python.budget.compressed to 53 MB in fleet.yaml, or drop what is not needed",
      },
    ])
  })

  it("looks at both sizes", () => {
    const { findings } = size.judge(
      sizeFacts((each) => (each.uncompressed = 121_000_000)),
      rulesFor("base-python"),
    )
    expect(findings.map(({ what }) => what)).toEqual(["uncompressed: 121 MB is over the budget of 120 MB by 1 MB"])
  })

  it("says the unit of a budget where it is another one", () => {
    expect(size.judge(sizeFacts(), rulesFor("family-torch")).brief).toBe("39 MB (budget 2.1 GB)")
  })

  it("tells an app image which budget is its own", () => {
    const rules = { ...rulesFor("family-web"), family: "reference-web" }
    const { findings, brief } = size.judge(
      sizeFacts((each) => (each.uncompressed = 221_000_000)),
      rules,
    )
    expect(brief).toBe("39 MB (budget 75)")
    expect(findings[0]).toMatchObject({
      what: "uncompressed: 221 MB is over the budget of 220 MB by 1 MB",
      fix: "raise apps.reference.budget.uncompressed in fleet.yaml, which is what it may add to its family, or drop what is not needed",
    })
  })

  it("reads back facts that were kept, and refuses others", () => {
    expect(size.recall(JSON.parse(JSON.stringify(sizeFacts())))).toEqual(sizeFacts())
    expect(() => size.recall({ ...sizeFacts(), layers: [] })).toThrow(/layers/)
    expect(() => size.recall({ ...sizeFacts(), compressed: -1 })).toThrow(/compressed/)
    expect(() => size.recall({})).toThrow(/not of the known shape/)
  })
})
