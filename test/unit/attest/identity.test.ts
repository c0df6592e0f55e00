import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { type Identity, isAmong } from "../../../dagger/lib/attest/identity.ts"
import { trustOf } from "../../../dagger/lib/attest/trust.ts"
import { parseFleet } from "../../../dagger/lib/fleet/load.ts"
import { withTrusted } from "../../../dagger/lib/fleet/trusted.ts"
import { newPair } from "./keys.ts"

const text = readFileSync(new URL("../../../fleet.yaml", import.meta.url), "utf8")
const signing = (yaml: string) =>
  parseFleet(text.replace(/^policy:\n/m, `policy:\n  signing: ${yaml}\n`)).policy.signing

const issuer = "https://token.actions.githubusercontent.com"
const ship = "https://github.com/me/fleet/.github/workflows/fairlead-ship.yml"

describe("policy.signing in fleet.yaml", () => {
  it("takes identities beside keys, and without any", () => {
    const { publicKey } = newPair()
    const identity = `{ issuer: "${issuer}", subject: "${ship}@refs/heads/main" }`
    expect(signing(`{ identities: [${identity}] }`)?.keys).toBeUndefined()
    expect(signing(`{ keys: ["${publicKey.line}"], identities: [${identity}] }`)).toMatchObject({
      identities: [{ issuer, subject: `${ship}@refs/heads/main` }],
    })
  })

  it.each([
    ["GitLab's jobs", "https://gitlab.com", "https://gitlab.com/me/fleet//.gitlab-ci.yml@refs/heads/main"],
    ["a robot's address", "https://login.example.org/realms/a", "robot@example.org"],
  ])("takes the name of %s", (_, by, subject) => {
    expect(signing(`{ identities: [{ issuer: "${by}", subject: "${subject}" }] }`)?.identities).toHaveLength(1)
  })

  it.each([
    ["a subject with a star", `subject: "${ship}@refs/heads/*"`, "a pattern is a subjectPattern"],
    ["a pattern without a star", `subjectPattern: "${ship}@refs/heads/main"`, "at least one star"],
    ["a pattern that takes any owner", 'subjectPattern: "https://github.com/*/fleet/a.yml@refs/heads/main"', "owner"],
    ["a pattern that takes any host", 'subjectPattern: "https://*/me/fleet/a.yml@refs/heads/main"', "owner"],
    ["a pattern of everything", 'subjectPattern: "*"', "owner"],
    ["a regular expression", 'subjectPattern: "^https://github.com/me/.*$"', "owner"],
    ["both", `subject: "${ship}", subjectPattern: "${ship}@*"`, "one of them"],
    ["neither", "", "one of them"],
  ])("refuses %s", (_, rest, why) => {
    expect(() => signing(`{ identities: [{ issuer: "${issuer}"${rest && `, ${rest}`} }] }`)).toThrow(
      new RegExp(`^fleet.yaml: policy.signing.identities\\[0\\][^]*${why}`),
    )
  })

  it.each([
    ["an issuer by http", `{ identities: [{ issuer: "http://x.example", subject: "${ship}" }] }`, "issuer"],
    ["nobody", "{ keys: [] }", "policy.signing"],
    ["nobody at all", "{}", "names nobody, so no signature would count"],
    ["a Sigstore for nobody", `{ keys: ["${newPair().publicKey.line}"], sigstore: { trustedRoot: a } }`, "identities"],
    [
      "services without their root",
      `{ identities: [{ issuer: "${issuer}", subject: "${ship}" }], sigstore: { signingConfig: a } }`,
      "trustedRoot",
    ],
    [
      "a file outside",
      `{ identities: [{ issuer: "${issuer}", subject: "${ship}" }], sigstore: { trustedRoot: ../a } }`,
      "inside the repository",
    ],
  ])("refuses %s", (_, yaml, why) => {
    expect(() => signing(yaml)).toThrow(why)
  })
})

describe("an identity", () => {
  const is = (subject: string, by = issuer): Identity => ({ issuer: by, subject })

  it("is among those that are named letter by letter", () => {
    const trusted = [{ issuer, subject: `${ship}@refs/heads/main` }]
    expect(isAmong(trusted, is(`${ship}@refs/heads/main`))).toBe(true)
    for (const other of [
      is(`${ship}@refs/heads/main2`),
      is(`x${ship}@refs/heads/main`),
      is(`${ship}@refs/heads/MAIN`),
      is(`${ship}@refs/heads/main\n`),
      is(`${ship}@refs/heads/main`, `${issuer}/`),
      is(`${ship}@refs/heads/main`.replaceAll(".", "x")),
    ])
      expect(isAmong(trusted, other)).toBe(false)
  })

  it("fits a pattern as a whole, and no star takes another folder or ref", () => {
    const trusted = [{ issuer, subjectPattern: `${ship}@refs/tags/v*` }]
    expect(isAmong(trusted, is(`${ship}@refs/tags/v1.2.3`))).toBe(true)
    for (const other of [
      `${ship}@refs/tags/v`,
      `${ship}@refs/tags/v1/x`,
      `${ship}@refs/tags/v1@refs/heads/main`,
      `${ship}@refs/tags/v1\u001b[2J`,
      `${ship}@refs/tags/v1\n`,
      `x${ship}@refs/tags/v1`,
      `${ship}@refs/tags/v1`.replaceAll(".", "x"),
    ])
      expect(isAmong(trusted, is(other)), other).toBe(false)
    expect(isAmong(trusted, is(`${ship}@refs/tags/v1`, "https://gitlab.com"))).toBe(false)
  })
})

describe("whose signatures count", () => {
  it("is said with where it is written", () => {
    const identities = `identities: [{ issuer: "${issuer}", subject: "${ship}" }]`
    const { publicKey } = newPair()
    const from = (yaml: string) =>
      trustOf(
        { fleet: parseFleet(text.replace(/^policy:\n/m, `policy:\n  signing: { ${yaml} }\n`)), root: "/" },
        publicKey,
      )
    expect(from(identities)).toMatchObject({ keys: [], from: "policy.signing.identities in fleet.yaml" })
    expect(from(`keys: ["${publicKey.line}"]`)).toMatchObject({ from: "policy.signing.keys in fleet.yaml" })
    expect(from(`keys: ["${publicKey.line}"], ${identities}`)).toMatchObject({ from: "policy.signing in fleet.yaml" })
  })
})

describe("fairlead key trust", () => {
  it("adds keys where only identities were named, and changes no other line", () => {
    const { publicKey } = newPair()
    const before = text.replace(
      /^policy:\n/m,
      `policy:\n  # who signs\n  signing:\n    # CI\n    identities:\n      - { issuer: "${issuer}", subject: "${ship}" }\n`,
    )
    const after = withTrusted(before, publicKey, "here")
    expect(parseFleet(after).policy.signing).toMatchObject({ keys: [publicKey.line], identities: [{ issuer }] })
    const lines = after.split("\n")
    for (const line of before.split("\n")) lines.splice(lines.indexOf(line), 1)
    expect(lines.filter(Boolean)).toEqual(["    keys:", `      - "${publicKey.line}" # here`])
  })
})
