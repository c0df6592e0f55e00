import { describe, expect, it } from "vitest"
import { opened } from "../../../dagger/lib/attest/envelope.ts"
import { recordStatement, statementText } from "../../../dagger/lib/attest/statement.ts"
import { tinyRecord } from "../../fleets/tiny-image.ts"
import { bundleBy, newPair } from "./keys.ts"

const digest = `sha256:${"a".repeat(64)}`
const pair = newPair()
const statement = recordStatement(tinyRecord("web", digest))
const bundle = bundleBy(pair, statement)

describe("a signed statement", () => {
  it("opens with the key that signed it", async () => {
    expect(await opened(bundle, { keys: [newPair().publicKey, pair.publicKey] })).toMatchObject({
      text: statement,
      key: { id: pair.publicKey.id },
      statement: { _type: "https://in-toto.io/Statement/v1", subject: [{ digest: { sha256: "a".repeat(64) } }] },
    })
  })

  it("does not open with another key, and says which one signed it", async () => {
    await expect(opened(bundle, { keys: [newPair().publicKey] })).rejects.toThrow(
      `another key (${pair.publicKey.id.slice(0, 12)})`,
    )
  })

  it("never says anything else, whichever bit is turned", async () => {
    const bytes = Buffer.from(bundle)
    for (let at = 0; at < bytes.length; at++) {
      const turned = Buffer.from(bytes)
      turned[at]! ^= 1
      // What stays readable, such as a space that became another one, has to say the very same.
      expect([at, await told(turned.toString("utf8"))]).toEqual([at, expect.stringMatching(/^(refused|same)$/)])
    }
  })

  it("does not open when it was cut off, wherever", async () => {
    for (let length = 0; length < bundle.length; length += 7)
      expect(await told(bundle.slice(0, length))).toBe("refused")
  })

  it("does not open under another type of content", async () => {
    expect(await told(bundle.replace("application/vnd.in-toto+json", "application/json"))).toBe("refused")
  })

  it("does not open when it is no statement about one image", async () => {
    for (const text of ["{}", "no JSON", statement.replace("in-toto.io/Statement/v1", "example.org")])
      expect(await told(bundleBy(pair, text))).toBe("refused")
  })

  const told = async (text: string): Promise<string> => {
    try {
      return (await opened(text, { keys: [pair.publicKey] })).text === statement ? "same" : "another"
    } catch {
      return "refused"
    }
  }
})

describe("what is signed of a record", () => {
  it("is the same, whatever order its keys came in", () => {
    const record = tinyRecord("web", digest)
    expect(recordStatement(Object.fromEntries(Object.entries(record).reverse()) as typeof record)).toBe(statement)
  })

  it("differs between images, types and predicates", () => {
    const texts = [
      statementText({ family: "web", digest }, "a", {}),
      statementText({ family: "web", digest: `sha256:${"b".repeat(64)}` }, "a", {}),
      statementText({ family: "web", digest }, "b", {}),
      statementText({ family: "web", digest }, "a", { x: 1 }),
    ]
    expect(new Set(texts).size).toBe(4)
  })
})
