import { generateKeyPairSync } from "node:crypto"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { pem, publicKey } from "../../../dagger/lib/attest/key.ts"
import { signingNote, trustOf } from "../../../dagger/lib/attest/trust.ts"
import type { Fleet } from "../../../dagger/lib/fleet/fleet.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { withTrusted } from "../../../dagger/lib/fleet/trusted.ts"
import { smallFleet } from "../../fleets/small.ts"
import { newPair } from "./keys.ts"

// Made by cosign 2.5.0.
const made = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEETI8ES8d/EXoQeTrgM7HzyIjdE6F
m3IyoJRrAVKJmug1ax4TZzzaqcCy/CedvTm4WzxGJw3Ils5w9aQEzq8NKQ==
-----END PUBLIC KEY-----
`

describe("a public key", () => {
  it("is the same as PEM and on one line, and has the id that cosign writes into bundles", () => {
    const key = publicKey(made)!
    expect(key.id).toBe("/sVUPhEJNdeSRI1N2Ww2A/nh6AmzJ2RNzr7yx1Q3Yvk=")
    expect(publicKey(key.line)).toMatchObject({ id: key.id, line: key.line })
    expect(pem(key)).toBe(made)
  })

  it.each([
    ["garbage", "", "x", "AAAA", made.slice(0, 100), "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"],
    ["rsa", generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" })],
    ["p384", generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ type: "spki", format: "pem" })],
    ["private", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" })],
  ])("is nothing else: %s", (...texts) => {
    for (const text of texts) expect(publicKey(String(text))).toBeUndefined()
  })
})

const trusting = (...lines: string[]): Fleet => {
  const fleet = smallFleet()
  return { ...fleet, policy: { ...fleet.policy, signing: { keys: lines } } }
}
const at = (fleet: Fleet) => ({ fleet, root: "/nowhere" })
const loopback = { host: "127.0.0.1:5000", org: "small" }
const ghcr = { host: "ghcr.io", org: "small" }
const own = newPair().publicKey
const another = newPair().publicKey

describe("before anything is built", () => {
  it("nothing is said when the fleet trusts the key", () => {
    expect(signingNote(trusting(another.line, own.line), ghcr, own)).toBeUndefined()
  })

  it("a loopback registry takes this machine's own key, and that is said", () => {
    expect(signingNote(smallFleet(), loopback, own)).toContain("fairlead key trust")
    expect(signingNote(smallFleet(), loopback, undefined)).toContain("not signed")
  })

  it.each([
    ["the fleet trusts others only", trusting(another.line), ghcr, own],
    ["the fleet trusts others only, on loopback too", trusting(another.line), loopback, own],
    ["the fleet trusts keys and there is none", trusting(another.line), loopback, undefined],
    ["others pull from the registry and could not check", smallFleet(), ghcr, own],
    ["others pull from the registry and nothing would be signed", smallFleet(), ghcr, undefined],
  ])("it is refused with exit code 3 when %s", (_, fleet, address, key) => {
    expect(() => signingNote(fleet, address, key)).toThrow(expect.objectContaining({ exitCode: 3 }))
    expect(() => signingNote(fleet, address, key)).toThrow(/fix: /)
  })
})

describe("whose signatures count", () => {
  it("is what fleet.yaml names, else this machine's own key, else nobody's", () => {
    expect(trustOf(at(trusting(another.line)), own)).toMatchObject({ keys: [{ id: another.id }] })
    expect(trustOf(at(smallFleet()), own)).toMatchObject({ keys: [{ id: own.id }], from: "this machine's own key" })
    expect(() => trustOf(at(smallFleet()), undefined)).toThrow(expect.objectContaining({ exitCode: 3 }))
  })
})

describe("fairlead key trust", () => {
  const text = readFileSync(new URL("../../../fleet.yaml", import.meta.url), "utf8")
  const keysOf = (yaml: string) => parseFleet(yaml).policy.signing?.keys

  it("adds lines and changes no other", () => {
    const changed = withTrusted(text, own, "here, 2026-11-22")
    expect(keysOf(changed)).toEqual([own.line])
    const more = withTrusted(changed, another, "there, 2026-11-23")
    expect(new Set(keysOf(more))).toEqual(new Set([own.line, another.line]))
    const lines = more.split("\n")
    for (const line of text.split("\n")) lines.splice(lines.indexOf(line), 1)
    expect(lines.filter(Boolean)).toHaveLength(5)
  })

  it("adds to a list between brackets", () => {
    const flow = withTrusted(text, own, "x").replace(/ {4}keys:\n.*\n/, `    keys: ["${own.line}"]\n`)
    expect(keysOf(flow)).toEqual([own.line])
    expect(new Set(keysOf(withTrusted(flow, another, "x")))).toEqual(new Set([own.line, another.line]))
  })

  it("says what to write where it cannot", () => {
    const odd = text.replace(/^policy:\n/m, "policy:\n  signing: {}\n")
    expect(() => withTrusted(odd, own, "x")).toThrow(own.line)
  })
})

describe("fleet.yaml", () => {
  it("refuses a key that is none, with its place", () => {
    const text = readFileSync(new URL("../../../fleet.yaml", import.meta.url), "utf8")
    const wrong = text.replace(/^policy:\n/m, 'policy:\n  signing: { keys: ["AAAA"] }\n')
    expect(() => parseFleet(wrong)).toThrow('policy.signing.keys[0]: "AAAA" is not a public key')
  })
})
