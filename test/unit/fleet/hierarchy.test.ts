import { describe, expect, it } from "vitest"
import {
  buildOrder,
  children,
  familyNamed,
  inheritedAllow,
  inheritedArgs,
  inheritedFrozen,
  inheritedPackages,
  lineage,
  servicesOf,
  usesGpu,
} from "../../../dagger/lib/fleet/hierarchy.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { changed, small } from "./small.ts"

const fleet = parseFleet(small)
const names = (each: { name: string }[]) => each.map(({ name }) => name)

describe("familyNamed", () => {
  it("takes a name or an alias", () => {
    expect(familyNamed(fleet, "llm").name).toBe("llm")
    expect(familyNamed(fleet, "l").name).toBe("llm")
  })

  it("asks about a near miss and lists what there is", () => {
    expect(() => familyNamed(fleet, "plane")).toThrow(
      'there is no family "plane"; did you mean plain?\n  fix: use one of root (r), plain (p), cuda (c), llm (l)',
    )
    expect(() => familyNamed(fleet, "plane")).toThrow(expect.objectContaining({ exitCode: 2 }))
  })

  it.each(["constructor", "__proto__", "toString", "", "\u001b[2J", "x".repeat(100_000)])("refuses %j", (name) => {
    expect(() => familyNamed(fleet, name)).toThrow(/^there is no family "/)
  })
})

describe("the hierarchy", () => {
  it("has a lineage with the root first", () => {
    expect(names(lineage(fleet, "l"))).toEqual(["root", "cuda", "llm"])
    expect(names(lineage(fleet, "root"))).toEqual(["root"])
  })

  it("knows the children of a family", () => {
    expect(names(children(fleet, "root"))).toEqual(["plain", "cuda"])
    expect(children(fleet, "llm")).toEqual([])
  })

  it("builds parents first, each once, and the one asked for last", () => {
    expect(names(buildOrder(fleet, ["llm"]))).toEqual(["root", "cuda", "llm"])
    expect(names(buildOrder(fleet, ["llm", "p", "cuda", "l"]))).toEqual(["root", "cuda", "llm", "plain"])
    expect(buildOrder(fleet, [])).toEqual([])
  })

  it("knows which services run on a family", () => {
    expect(names(servicesOf(fleet, "p"))).toEqual(["FirstService", "SecondService"])
    expect(servicesOf(fleet, "root")).toEqual([])
  })

  it("hands down pins, build arguments, modules, allowances and the GPU", () => {
    const deep = parseFleet(
      changed(
        "description: Root,",
        "description: Root, packages: [ssl], allow: { ports: [9000] },",
        "description: Models,",
        'description: Models, packages: [torch, ssl], args: { TORCH_CUDA_ARCH_LIST: "8.9", MORE: x }, allow: { ports: [9000, 9001], setuid: [/usr/bin/su] },',
      ),
    )
    expect(inheritedFrozen(deep, "llm")).toEqual({ torch: "2.2.2" })
    expect(inheritedFrozen(deep, "plain")).toEqual({})
    expect(inheritedArgs(deep, "llm")).toEqual({ TORCH_CUDA_ARCH_LIST: "8.9", MORE: "x" })
    expect(inheritedPackages(deep, "llm")).toEqual(["ssl", "torch"])
    expect(inheritedAllow(deep, "llm")).toEqual({ setuid: ["/usr/bin/su"], compilers: [], ports: [9000, 9001] })
    expect(usesGpu(deep, "llm")).toBe(true)
    expect(usesGpu(deep, "plain")).toBe(false)
  })
})
