import { expect, it } from "vitest"
import { canonical } from "../../../dagger/lib/release/canonical.ts"

it("gives the same text whatever order keys came in, at every depth", () => {
  expect(canonical({ b: [{ d: 1, c: null }], a: "x" })).toBe('{"a":"x","b":[{"c":null,"d":1}]}')
})

it("leaves out what is undefined, as JSON does", () => {
  expect(canonical({ b: undefined, a: [undefined] })).toBe('{"a":[null]}')
})

it("loses no key that JavaScript has a meaning for: two documents that differ in it are not the same", () => {
  const text = '{"__proto__":{"a":1},"constructor":2}'
  expect(canonical(JSON.parse(text))).toBe(text)
})
