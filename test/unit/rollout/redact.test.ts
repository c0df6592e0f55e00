import { readFile } from "node:fs/promises"
import { execa } from "execa"
import { describe, expect, it } from "vitest"
import { harmless } from "../../../dagger/lib/engine/engine.ts"
import { redacted } from "../../../dagger/lib/rollout/deploy/redact.ts"

/** What a host does before it writes something down. */
async function onHost(text: string): Promise<string> {
  const base = await readFile(new URL("../../../dagger/lib/rollout/host/sh/base.sh", import.meta.url), "utf8")
  const { stdout } = await execa("sh", ["-c", `${base}\nredact`], { input: `${text}\n` })
  return stdout
}

const here = async (text: string): Promise<string> => redacted(harmless(text))

describe.each([
  ["on the host", onHost],
  ["by who deploys", here],
])("what a container printed, %s", (_, hidden) => {
  it.each([
    ["token=s3cret-value x", "token=[hidden] x"],
    ["DB_PASSWORD: s3cret-value", "DB_PASSWORD: [hidden]"],
    [`{"status":"starting","api_key":"s3cret-value"}`, `{"status":"starting","api_key":[hidden]}`],
    [`"password": "cut off in s3cret-value`, `"password": [hidden]`],
    ["Authorization: Bearer s3cret-value", "Authorization: Bearer [hidden]"],
    ["sent Bearer s3cret-value to it", "sent Bearer [hidden] to it"],
    ["postgres://anna:s3cret-value@db/fleet", "postgres://anna:[hidden]@db/fleet"],
    ["with ghp_s3cretvalueabcdefghijklmn in it", "with [hidden] in it"],
    ["\u001b[2J\u001b]0;owned\u0007token=s3cret-value", "token=[hidden]"],
    ["tok\u001b[1men=s3cret-value", "token=[hidden]"],
    ["\u001b]52;c;b3duZWQ=\u001b\\plain words: 12 keys, 3 tokens left", "plain words: 12 keys, 3 tokens left"],
  ])("%j becomes %j", async (text, told) => expect(await hidden(text)).toBe(told))

  it("a private key is gone whole", async () => {
    const key = "-----BEGIN RSA PRIVATE KEY-----\ns3cret-value\n-----END RSA PRIVATE KEY-----"
    expect(await hidden(`before\n${key}\nafter`)).toMatch(/^before\n(?:\[hidden\]\n)+after$/)
  })
})
