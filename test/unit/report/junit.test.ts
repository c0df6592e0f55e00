import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { junit } from "../../../dagger/lib/report/junit.ts"
import { bigState, hostile } from "../../fleets/big.ts"
import { noPython } from "../gates/python.ts"

// A real parser: Python's expat. It answers the tree as JSON.
const reading = `
import json, sys
import xml.etree.ElementTree as tree
def told(node):
    return {"tag": node.tag, "is": dict(node.attrib), "text": (node.text or "").strip(), "has": [told(each) for each in node]}
print(json.dumps(told(tree.fromstring(sys.stdin.buffer.read()))))
`

interface Node {
  tag: string
  is: Record<string, string>
  text: string
  has: Node[]
}

function parsed(text: string): Node {
  const { status, stdout, stderr } = spawnSync("python3", ["-I", "-c", reading], { input: text, encoding: "utf8" })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const state = bigState(500)
const suiteOf = (root: Node, family: string) => root.has.find(({ is }) => is.name === family)!
const caseOf = (suite: Node, gate: string) => suite.has.find(({ tag, is }) => tag === "testcase" && is.name === gate)!

describe.skipIf(noPython)("JUnit XML", () => {
  const root = noPython ? ({ has: [] } as unknown as Node) : parsed(junit(state))

  it("has a suite per family and a case per gate", () => {
    const web = suiteOf(root, "family-web")
    expect(web.is).toMatchObject({ tests: "6", failures: "2", errors: "0", skipped: "0" })
    expect(web.has.filter(({ tag }) => tag === "testcase").map(({ is }) => is.name)).toEqual([
      "contract",
      "smoke",
      "audit",
      "scan",
      "sbom",
      "size",
    ])
  })

  it("tells FAIL as a failure, ERROR as an error, and UNCHECKED as skipped, never as passed", () => {
    expect(caseOf(suiteOf(root, "family-web"), "contract").has[0]).toMatchObject({
      tag: "failure",
      is: { message: "user: image runs as root (0:0), the blueprint wants 10001:10001" },
    })
    expect(caseOf(suiteOf(root, "family-vision-cu121"), "scan").has[0]?.tag).toBe("error")
    const unchecked = caseOf(suiteOf(root, "base-gpu-cu121"), "scan").has[0]
    expect(unchecked).toMatchObject({ tag: "skipped", is: { message: expect.stringContaining("unchecked") } })
    expect(caseOf(suiteOf(root, "base-python"), "scan").has).toEqual([])
  })

  it("adds up", () => {
    for (const kind of ["tests", "failures", "errors", "skipped"])
      expect(root.has.reduce((sum, { is }) => sum + Number(is[kind]), 0)).toBe(Number(root.is[kind]))
  })

  it("escapes what an image may be called, control characters and lone surrogates among it", () => {
    const web = structuredClone(state.families.find(({ family }) => family === "family-web")!)
    web.gates[0]!.findings = [...hostile, "a\u0000b", "half \ud800 pair", "\ufffe"].map((what) => ({
      what,
      where: what,
    }))
    const told = caseOf(suiteOf(parsed(junit({ ...state, families: [web] })), "family-web"), "contract").has[0]!
    expect(told.is.message).toContain("<img src=x onerror=globalThis.owned=1>")
    expect(told.text).toContain("</script><script>")
    expect(told.text).toContain("]]><!--")
    expect(told.text).toContain("ab")
  })
})
