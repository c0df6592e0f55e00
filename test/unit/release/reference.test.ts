import { describe, expect, it } from "vitest"
import { parseReference } from "../../../dagger/lib/release/reference.ts"
import { smallFleet } from "../../fleets/small.ts"

const fleet = smallFleet()
const digest = `sha256:${"a".repeat(64)}`

describe("a reference", () => {
  it.each([
    [
      "127.0.0.1:5000/my-fleet/family-web:20261122-abc1234",
      { address: { host: "127.0.0.1:5000", org: "my-fleet" }, family: "family-web", name: "20261122-abc1234" },
    ],
    [`ghcr.io/a/b/top@${digest}`, { address: { host: "ghcr.io", org: "a/b" }, family: "top", name: digest }],
    [`ghcr.io/a/top:1@${digest}`, { address: { host: "ghcr.io", org: "a" }, family: "top", name: digest }],
    ["localhost/a/top", { address: { host: "localhost", org: "a" }, family: "top", name: "current" }],
    ["t", { family: "top", name: "current" }],
    ["top:1", { family: "top", name: "1" }],
  ])("%s is read", (text, read) => expect(parseReference(text, fleet)).toEqual(read))

  it.each([
    "",
    "nowhere",
    "my-fleet/top:1",
    "ghcr.io/top:1",
    "ghcr.io/a/TOP:1",
    "ghcr.io/a/../top",
    "ghcr.io/a/top:$(id)",
    "ghcr.io/a/top@sha256:1",
    "--help/a/top",
    "ghcr.io/a/top:1\n2",
  ])("%j is refused with exit code 2", (text) => {
    expect(() => parseReference(text, fleet)).toThrow(expect.objectContaining({ exitCode: 2 }))
  })
})
