import { describe, expect, it } from "vitest"
import { countersOf, requestsIn } from "../../../bench/arena.ts"
import { inOrder } from "../../../bench/buildx.ts"
import { gatesHeard } from "../../../bench/fairlead.ts"

describe("what the benchmark reads", () => {
  it("counts requests in the registry's access log and nothing else there", () => {
    const log = [
      'time="2026-11-23T01:00:00Z" level=warning msg="GET /v2/ HTTP/1.1 is no request of the access log"',
      '172.18.0.3 - - [23/Nov/2026:01:00:00 +0000] "HEAD /v2/fleet/a/blobs/sha256:00 HTTP/1.1" 404 157 "" "buildkit"',
      '172.18.0.3 - - [23/Nov/2026:01:00:01 +0000] "PUT /v2/fleet/a/manifests/x HTTP/1.1" 201 0 "" "skopeo/1.18.0"',
      "",
    ]
    expect(requestsIn(log.join("\n"))).toBe(2)
  })

  it("takes bytes in and out of a network namespace from the kernel's table", () => {
    const dev = `Inter-|   Receive  |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:      99       1    0    0    0     0          0         0       99       1    0    0    0     0       0          0
  eth0: 1234567     100    0    0    0     0          0         0     8910      50    0    0    0     0       0          0
`
    expect(countersOf(dev)).toEqual([1_234_567, 8910])
    expect(() => countersOf("    lo: 1 2\n")).toThrow("no eth0")
  })

  it("puts each target after those that it links to", () => {
    const target = (contexts: Record<string, string>) => ({ context: ".", dockerfile: "x", platforms: [], contexts })
    const file = {
      target: {
        web: target({ base: "target:base", tools: "target:tools" }),
        base: target({ debian: "oci-layout:///bases/debian@sha256:00" }),
        tools: target({ base: "target:base" }),
      },
    }
    expect(inOrder(file)).toEqual(["base", "tools", "web"])
  })

  it("hears from Fairlead's own lines when each gate ran, and takes no other step for one", () => {
    const report = {
      families: [{ family: "web", reused: false, gates: { smoke: { seconds: 4 }, size: { seconds: 0.5 } } }],
    }
    const heard = [
      { at: 10, line: "  web build 7 s (9.8 s)" },
      { at: 12, line: "  web size PASS 40 MB (0.5 s)" },
      { at: 15, line: "  web smoke PASS (4.0 s)" },
      { at: 17, line: "  web publish 20261123-abc1234 (1.9 s)" },
    ]
    expect(gatesHeard(report, heard)).toEqual([
      { from: 11.5, to: 12 },
      { from: 11, to: 15 },
    ])
  })
})
