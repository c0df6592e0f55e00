import { describe, expect, it } from "vitest"
import { unblockPython } from "../../../dagger/lib/gates/unblock.ts"
import type { FoundRisk } from "../../../dagger/lib/gates/verdict.ts"
import { rulesFor } from "./facts.ts"

const risk = (name: string, installed: string, ...fixed: string[]): FoundRisk => ({
  ids: ["CVE-2025-1", "PYSEC-2025-1"],
  package: name,
  kind: "python",
  installed,
  fixed,
})

describe("what would unblock a weakness of a Python package", () => {
  it("is the nearest version with the fix, in the source of the lock that decides", () => {
    expect(unblockPython(risk("fastapi", "0.110.0", "0.110.2", "0.111.0"), rulesFor("family-web"))).toEqual({
      where: "set by dockerfiles/requirements/base-cpu.lock:1  fastapi==0.110.0",
      fix: "raise fastapi to 0.110.2 in dockerfiles/requirements/base-cpu.in, then `fairlead lock`",
    })
  })

  it("is an acceptance where the baseline freezes what is installed, by any spelling of the name", () => {
    expect(unblockPython(risk("Torch", "2.2.2+cu121", "2.6.0"), rulesFor("family-llm"))).toEqual({
      where: "set by dockerfiles/requirements/family-torch.lock:1  torch==2.2.2+cu121",
      fix: "torch 2.6.0 has the fix, and fleet.yaml freezes torch 2.2.2 in family-torch: accept it with `fairlead risk accept CVE-2025-1`, or change the baseline",
    })
  })

  it("minds the pins of families that stand on this one", () => {
    const { fix } = unblockPython(risk("starlette", "0.37.2", "0.40.0"), rulesFor("base-cpu"))
    expect(fix).toContain("fleet.yaml freezes starlette 0.37.2 in family-web")
  })

  it("is the frozen version itself where that has the fix and another is installed", () => {
    const rules = rulesFor("family-web")
    expect(unblockPython(risk("starlette", "0.30.0", "0.37.2"), rules).fix).toBe(
      "install starlette 0.37.2, as fleet.yaml freezes it in family-web",
    )
    expect(unblockPython(risk("starlette", "0.30.0", "0.36.10"), rules).fix).toContain("install starlette 0.37.2")
  })

  it("says when no version has a fix, and when no lock names the package", () => {
    expect(unblockPython(risk("fastapi", "0.110.0"), rulesFor("family-web")).fix).toBe(
      "no version of fastapi has a fix: do without it, or accept it with `fairlead risk accept CVE-2025-1`",
    )
    expect(unblockPython(risk("stranger", "1.0", "1.1"), rulesFor("family-web"))).toEqual({
      where: undefined,
      fix: "no lock names stranger: take it out, or lock stranger 1.1",
    })
  })
})
